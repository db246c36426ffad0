// Random weight matrices in every source format, packed.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "../pack.h"

namespace hence::test {

struct Case { Layout layout; SourceType source; const char* name; };
constexpr SourceType kNoSource = SourceType::Count;
inline const Case kCases[] = {
    {Layout::F32, SourceType::F32, "f32"}, {Layout::F16, SourceType::F16, "f16"}, {Layout::BF16, SourceType::BF16, "bf16"},
    {Layout::I8, SourceType::Q8_0, "i8"}, {Layout::I8Min, kNoSource, "i8min"},
    {Layout::I4, SourceType::Q4_0, "i4"}, {Layout::I4Min, SourceType::Q4_1, "i4min"},
    {Layout::I6, SourceType::Q5_0, "i6"}, {Layout::I6Min, SourceType::Q5_1, "i6min"},
    {Layout::I4Super32, SourceType::Q4_K, "i4super32"}, {Layout::I6Super32, SourceType::Q5_K, "i6super32"},
    {Layout::I4Super16Min, SourceType::Q2_K, "i4super16min"}, {Layout::I4Super16, SourceType::Q3_K, "i4super16"},
    {Layout::I6Super16, SourceType::Q6_K, "i6super16"}, {Layout::I8Super16, SourceType::IQ4_XS, "i8super16"},
    {Layout::I8, SourceType::IQ4_NL, "iq4_nl"}, {Layout::I8, SourceType::MXFP4, "mxfp4"},
};

inline std::mt19937 randomBits(1);
inline float gaussian() { return std::normal_distribution<float>()(randomBits); }
inline uint16_t randomHalf() { return uint16_t(0x2000 | (randomBits() & 0x83ff)); }  // 1/128 .. 1/64 of either sign

// Random bits with scales of moderate size.
inline std::vector<uint8_t> randomRows(SourceType type, int n, int k) {
  const SourceBlock block = sourceBlock(type);
  std::vector<uint8_t> rows(size_t(n) * size_t(k / block.k * block.bytes));
  for (auto& b : rows) b = uint8_t(randomBits());
  auto halfAt = [&](size_t at, int offset) {
    uint16_t h = randomHalf();
    std::memcpy(&rows[at + size_t(offset)], &h, 2);
  };
  for (size_t at = 0; at < rows.size(); at += size_t(block.bytes)) switch (type) {
    case SourceType::F32: { float f = gaussian() * 0.02f; std::memcpy(&rows[at], &f, 4); break; }
    case SourceType::F16: halfAt(at, 0); break;
    case SourceType::BF16: { uint16_t b = uint16_t(0x3c00 | (randomBits() & 0x81ff)); std::memcpy(&rows[at], &b, 2); break; }
    case SourceType::Q4_1: case SourceType::Q5_1: case SourceType::Q4_K: case SourceType::Q5_K: halfAt(at, 0), halfAt(at, 2); break;
    case SourceType::Q2_K: halfAt(at, 80), halfAt(at, 82); break;
    case SourceType::Q3_K: halfAt(at, 108); break;
    case SourceType::Q6_K: halfAt(at, 208); break;
    case SourceType::MXFP4: rows[at] = uint8_t(104 + rows[at] % 24); break;
    default: halfAt(at, 0);
  }
  return rows;
}

inline uint8_t* alignedBytes(size_t bytes, uint8_t fill) {
  auto* p = static_cast<uint8_t*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64));
  std::memset(p, fill, (bytes + 127) / 64 * 64);
  return p;
}

struct Matrix {
  std::vector<uint8_t> rows;
  uint8_t* packed;
  PackedMatrix w;
  Matrix(const Case& c, int n, int k) {
    const size_t bytes = packedBytes(c.layout, n, k);
    packed = alignedBytes(bytes, 0xff);
    if (c.source == kNoSource) {  // a layout that no source uses yet
      for (size_t i = 0; i < bytes; i++) packed[i] = uint8_t(randomBits());
      for (size_t unit = 0; unit < bytes; unit += size_t(unitBytes(c.layout)))
        for (int i = 0; i < headerBytes(c.layout); i += 2) {
          const uint16_t h = randomHalf();
          std::memcpy(packed + unit + i, &h, 2);
        }
    } else {
      rows = randomRows(c.source, n, k);
      const size_t rowBytes = rows.size() / size_t(n);
      for (int r = 0; r < n; r += 48) packRows(c.source, c.layout, rows.data() + size_t(r) * rowBytes, r, std::min(48, n - r), n, k, packed);
    }
    w = {packed, c.layout, n, k};
  }
  ~Matrix() { std::free(packed); }
  Matrix(const Matrix&) = delete;
};

}  // namespace hence::test

// Rows of bytes in the form that products read: whole blocks of 64 k, zeros beyond k.
#pragma once
#include "bytes-dot.h"
#include "matmul-tiles.h"

namespace hence::HENCE_TARGET {

#if defined(HENCE_AMX)
constexpr int64_t kByteTileRows = 9;  // from here on AMX tiles win, which take bytes of either sign
#else
constexpr int64_t kByteTileRows = INT64_MAX;
#endif

// How bytes of x become what the instructions multiply.
struct ByteForm {
  bool isSigned, tiles;
  HENCE_INLINE bool isWide() const { return kWideBytes && !tiles; }
  HENCE_INLINE bool isFlipped() const { return !tiles && !kWideBytes && isSigned != kSignedBytes; }
  // What is added to x and its zero point.
  HENCE_INLINE int32_t shift() const { return !isFlipped() ? 0 : isSigned ? 128 : -128; }
  HENCE_INLINE bool isPlain(int64_t k) const { return !isWide() && !isFlipped() && k % kBlockK == 0; }
  HENCE_INLINE int64_t bytes(int64_t k) const { return (k + kBlockK - 1) / kBlockK * kBlockK * (isWide() ? 2 : 1); }
  // From row to row. Rows a multiple of 4 KB apart would fall into the same cache sets.
  HENCE_INLINE int64_t pitch(int64_t k) const { return bytes(k) % 2048 ? bytes(k) : bytes(k) + 64; }
};

struct ByteRows {
  const uint8_t* data;
  int64_t pitch;
};

template <class Byte> HENCE_INLINE void widenBytes(const uint8_t* from, int64_t k, int16_t* to) {
  const Byte* x = (const Byte*)from;
  int64_t i = 0;
  for (; i + 4 <= k; i += 4) to[i] = x[i], to[i + 1] = x[i + 2], to[i + 2] = x[i + 1], to[i + 3] = x[i + 3];
  for (; i < k; i++) to[i / 4 * 4 + (i % 4 == 1 ? 2 : i % 4 == 2 ? 1 : i % 4)] = x[i];
}

// One row in its form; it may be given where it is wanted, unless it is widened.
static __attribute__((noinline)) void packByteRow(const uint8_t* from, int64_t k, ByteForm form, uint8_t* to) {
  if (form.isWide()) {
    std::memset(to + k / 4 * 8, 0, size_t(form.bytes(k) - k / 4 * 8));
    if (form.isSigned) widenBytes<int8_t>(from, k, (int16_t*)to);
    else widenBytes<uint8_t>(from, k, (int16_t*)to);
    return;
  }
  if (form.isFlipped()) for (int64_t i = 0; i < k; i++) to[i] = from[i] ^ 0x80;
  else if (to != from) std::memcpy(to, from, size_t(k));
  std::memset(to + k, 0, size_t(form.bytes(k) - k));
}

template <class Number> HENCE_INLINE int32_t sumOf(const uint8_t* row, int64_t k) {
  const Number* x = (const Number*)row;
  int32_t sum = 0;
  for (int64_t i = 0; i < k; i++) sum += x[i];
  return sum;
}

// The sum of a row in its form. Order does not matter, and beyond k there are zeros.
static __attribute__((noinline)) int32_t byteRowSum(const uint8_t* row, int64_t k, ByteForm form) {
  if (form.isWide()) return sumOf<int16_t>(row, (k + 3) / 4 * 4);
  return form.isSigned != form.isFlipped() ? sumOf<int8_t>(row, k) : sumOf<uint8_t>(row, k);
}

}  // namespace hence::HENCE_TARGET

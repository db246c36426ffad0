// Activations for the integer kernels: signed bytes with an f32 scale per row and 32 k.
//
// Rows come in chunks of `chunk` rows, the last one rounded up to a power of two; rows that do not exist are zero. A
// group of 32 k of a chunk of R rows is contiguous, so that a kernel reads one forward stream:
//   q [R][32] i8 | scale [R] f32 | -sum(q) [R] i32 | scale * sum(q) [R] f32
// and, where a layout has groups of 16 (`halves`), both sums again for either half:
//   | -sum(q) [2][R] i32 | scale * sum(q) [2][R] f32
// A NaN or an infinity among the 32 makes the scale NaN, and with it the row's results.
#pragma once
#include "../dot.h"

namespace hence::HENCE_TARGET {

struct QuantisedRows {
  uint8_t* data;
  int64_t groups;  // of 32 k, padded to an even number
  int chunk;
  bool halves;

  HENCE_INLINE int rowBytes() const { return halves ? 60 : 44; }
  // A chunk's first group; `row` is its first row.
  HENCE_INLINE const uint8_t* chunkData(int64_t row) const { return data + size_t(row * groups) * size_t(rowBytes()); }
};

HENCE_INLINE int64_t groupsOf(int64_t k) { return (k + kBlockK - 1) / kBlockK * 2; }

HENCE_INLINE int roundUpToPower(int rows) {
  int r = 1;
  while (r < rows) r *= 2;
  return r;
}

// The chunk's r-th of R rows at one group. x holds 32 floats, zeros beyond k.
HENCE_INLINE void quantiseGroup(const float* x, uint8_t* group, int r, int R, bool halves) {
  uint32_t largestBits = 0;  // as integers, NaN is the largest
  int8_t* q = (int8_t*)group + r * 32;
  int sums[2];
#if defined(__AVX512F__)
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  largestBits = _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(a), magnitude), _mm512_and_si512(_mm512_castps_si512(b), magnitude)));
#else
  for (int i = 0; i < 32; i++) {
    uint32_t u;
    std::memcpy(&u, x + i, 4);
    u &= 0x7fffffff;
    largestBits = u > largestBits ? u : largestBits;
  }
#endif
  float largest;
  std::memcpy(&largest, &largestBits, 4);
  const bool finite = largestBits < 0x7f800000;
  const float scale = finite ? largest * (1.0f / 127) : __builtin_nanf("");
  // Below 2^-120 the inverse would overflow: such a group counts as zero.
  const float inverse = finite && largest > 0x1p-120f ? 127 / largest : 0;
#if defined(__AVX512F__)
  const __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, _mm512_set1_ps(inverse)));
  const __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, _mm512_set1_ps(inverse)));
  _mm_storeu_si128((__m128i*)q, _mm512_cvtsepi32_epi8(qa));
  _mm_storeu_si128((__m128i*)(q + 16), _mm512_cvtsepi32_epi8(qb));
  sums[0] = _mm512_reduce_add_epi32(qa);
  sums[1] = _mm512_reduce_add_epi32(qb);
#else
  for (int half = 0; half < 2; half++) {
    int32_t values[16];
    istore(values, toInt(load(x + 16 * half) * set1(inverse)));
    int sum = 0;
    for (int i = 0; i < 16; i++) sum += values[i];
    for (int i = 0; i < 16; i++) q[16 * half + i] = int8_t(values[i]);
    sums[half] = sum;
  }
#endif
  if (!finite) sums[0] = sums[1] = 0;
  float* floats = (float*)(group + R * 32);
  int32_t* ints = (int32_t*)floats;
  floats[r] = scale;
  ints[R + r] = -(sums[0] + sums[1]);
  floats[2 * R + r] = scale * float(sums[0] + sums[1]);
  if (!halves) return;
  for (int half = 0; half < 2; half++) {
    ints[(3 + half) * R + r] = -sums[half];
    floats[(5 + half) * R + r] = scale * float(sums[half]);
  }
}

// Quantises the groups [share.begin, share.end) of all rows.
static __attribute__((noinline)) void quantiseRows(const float* x, int64_t rows, int64_t k, const QuantisedRows& out, Range share) {
  for (int64_t first = 0; first < rows; first += out.chunk) {
    const int real = int(rows - first < out.chunk ? rows - first : out.chunk), R = roundUpToPower(real);
    uint8_t* chunk = const_cast<uint8_t*>(out.chunkData(first));
    for (int64_t g = share.begin; g < share.end; g++) {
      uint8_t* group = chunk + size_t(g) * size_t(R * out.rowBytes());
      const int64_t left = k - g * 32;
      for (int r = 0; r < R; r++) {
        const float* from = x + (first + r) * k + g * 32;
        if (r < real && left >= 32) {
          quantiseGroup(from, group, r, R, out.halves);
        } else {
          float padded[32] = {};
          if (r < real && left > 0) std::memcpy(padded, from, size_t(left) * 4);
          quantiseGroup(padded, group, r, R, out.halves);
        }
      }
    }
  }
}

}  // namespace hence::HENCE_TARGET

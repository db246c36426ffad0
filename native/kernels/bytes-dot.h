// Exact products of bytes. Weights are signed bytes in quads of sixteen columns (layouts.h, S8); activations are rows in
// the form the instructions want:
//   VNNI   unsigned bytes, which `vpdpbusd` multiplies with signed ones
//   NEON   signed bytes
//   else   16 bits each, of every quad k, k + 2, k + 1, k + 3: `pmaddwd` adds the products of two; bytes with
//          `pmaddubsw` would saturate
// Bytes of the other sign are shifted by 128, and their zero point with them.
#pragma once
#include "../dot.h"

namespace hence::HENCE_TARGET {

#if defined(__AVX512VNNI__)

constexpr bool kWideBytes = false, kSignedBytes = false;
constexpr int kByteRows = 8, kBytePanels = 3;  // of a register tile

struct QuadOfX {
  VI v;
  HENCE_INLINE explicit QuadOfX(const uint8_t* x) : v(broadcastQuad((const int8_t*)x)) {}
};
struct QuadOfW {
  VI v;
  HENCE_INLINE explicit QuadOfW(const uint8_t* w) : v(loadBytes(w)) {}
};
HENCE_INLINE VI addDots(VI sum, const QuadOfX& x, const QuadOfW& w) { return _mm512_dpbusd_epi32(sum, x.v, w.v); }

#elif defined(__aarch64__)

constexpr bool kWideBytes = false, kSignedBytes = true;
constexpr int kByteRows = 4, kBytePanels = 1;

struct QuadOfX {
  int8x16_t v;
  HENCE_INLINE explicit QuadOfX(const uint8_t* x) : v((int8x16_t)broadcastQuad((const int8_t*)x)) {}
};
struct QuadOfW {
  int8x16_t v;
  HENCE_INLINE explicit QuadOfW(const uint8_t* w) : v((int8x16_t)loadBytes(w)) {}
};
HENCE_INLINE VI addDots(VI sum, const QuadOfX& x, const QuadOfW& w) {
#if defined(__ARM_FEATURE_DOTPROD)
  return (VI)vdotq_s32((int32x4_t)sum, w.v, x.v);
#else
  const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(w.v), vget_low_s8(x.v))), high = vpaddlq_s16(vmull_high_s8(w.v, x.v));
  return (VI)vaddq_s32((int32x4_t)sum, vpaddq_s32(low, high));
#endif
}

#else

constexpr bool kWideBytes = true, kSignedBytes = false;
#if defined(__AVX512F__)
constexpr int kByteRows = 8, kBytePanels = 2;
HENCE_INLINE VI bytesEven(VI w) { return _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8); }
HENCE_INLINE VI bytesOdd(VI w) { return _mm512_srai_epi16(w, 8); }
HENCE_INLINE VI pairDots(VI x, VI w) { return _mm512_madd_epi16(x, w); }
#elif defined(__AVX2__)
constexpr int kByteRows = 4, kBytePanels = 1;
HENCE_INLINE VI bytesEven(VI w) { return _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8); }
HENCE_INLINE VI bytesOdd(VI w) { return _mm256_srai_epi16(w, 8); }
HENCE_INLINE VI pairDots(VI x, VI w) { return _mm256_madd_epi16(x, w); }
#else
constexpr int kByteRows = 2, kBytePanels = 1;
HENCE_INLINE VI bytesEven(VI w) { return (VI)_mm_srai_epi16(_mm_slli_epi16((__m128i)w, 8), 8); }
HENCE_INLINE VI bytesOdd(VI w) { return (VI)_mm_srai_epi16((__m128i)w, 8); }
HENCE_INLINE VI pairDots(VI x, VI w) { return (VI)_mm_madd_epi16((__m128i)x, (__m128i)w); }
#endif

struct QuadOfX {
  VI even, odd;
  HENCE_INLINE explicit QuadOfX(const uint8_t* x) : even(broadcastQuad((const int8_t*)x)), odd(broadcastQuad((const int8_t*)x + 4)) {}
};
struct QuadOfW {
  VI even, odd;
  HENCE_INLINE explicit QuadOfW(const uint8_t* w) {
    const VI bytes = loadBytes(w);
    even = bytesEven(bytes), odd = bytesOdd(bytes);
  }
};
HENCE_INLINE VI addDots(VI sum, const QuadOfX& x, const QuadOfW& w) {
  return add32(sum, add32(pairDots(x.even, w.even), pairDots(x.odd, w.odd)));
}

#endif

constexpr int kQuadBytes = kWideBytes ? 8 : 4;  // of a row of x

// sums[P][R][16] of R rows of x, `pitch` bytes apart, and P panels; `panel` points behind the first one's header, the
// others follow `next` bytes apart. Quads come in whole blocks.
template <int R, int P>
static __attribute__((noinline)) void byteDots(const uint8_t* x, int64_t pitch, const uint8_t* panel, size_t next, int64_t quads, int32_t* sums) {
  constexpr int chains = R * P * kParts < 8 ? 4 : 1;  // few sums would wait for the instruction's latency
  VI sum[chains][R][P * kParts];
  HENCE_UNROLL for (int c = 0; c < chains; c++)
    HENCE_UNROLL for (int r = 0; r < R; r++)
      HENCE_UNROLL for (int p = 0; p < P * kParts; p++) sum[c][r][p] = setAll32(0);
  for (int64_t j = 0; j < quads; j += chains, panel += chains * 64, x += chains * kQuadBytes) {
    if constexpr (P == 1) prefetchLines(panel, chains * 64);
    HENCE_UNROLL for (int c = 0; c < chains; c++)
      HENCE_UNROLL for (int p = 0; p < P * kParts; p++) {
        const QuadOfW w(panel + p / kParts * next + c * 64 + p % kParts * kColumns * 4);
        HENCE_UNROLL for (int r = 0; r < R; r++) sum[c][r][p] = addDots(sum[c][r][p], QuadOfX(x + r * pitch + c * kQuadBytes), w);
      }
  }
  HENCE_UNROLL for (int p = 0; p < P * kParts; p++)
    HENCE_UNROLL for (int r = 0; r < R; r++) {
      VI total = sum[0][r][p];
      HENCE_UNROLL for (int c = 1; c < chains; c++) total = add32(total, sum[c][r][p]);
      std::memcpy(sums + (p / kParts * R + r) * kPanelColumns + p % kParts * kColumns, &total, sizeof total);
    }
}

}  // namespace hence::HENCE_TARGET

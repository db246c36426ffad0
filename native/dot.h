// Native-width registers and byte dot products of quantised matmuls. A register covers `kColumns` of a panel's sixteen
// columns: all of them with AVX-512, eight with AVX2, four with 128 bits; kernels loop over the kParts of a panel.
//
// A quad register holds, per column, four unsigned quants (k = 4j..4j+3) in one 32-bit lane. `Dots<Bits, R>` sums the
// products of quads with the activations of R rows, four signed bytes per row and quad, exactly in integers.
#pragma once
#include "layouts.h"
#include "simd.h"
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__clang__)
#define HENCE_UNROLL _Pragma("unroll")
#else
#define HENCE_UNROLL _Pragma("GCC unroll 32")
#endif

namespace hence::HENCE_TARGET {

#if defined(__AVX512F__)

using VF = __m512;
using VI = __m512i;
constexpr int kColumns = 16;
constexpr int kMaxFewRows = 8;  // rows that meet a quad while it is in a register: bounded by accumulators

HENCE_INLINE VI loadBytes(const uint8_t* p) { return _mm512_loadu_si512(p); }
HENCE_INLINE VI setAll32(int32_t x) { return _mm512_set1_epi32(x); }
HENCE_INLINE VI andBits(VI a, VI b) { return _mm512_and_si512(a, b); }
HENCE_INLINE VI select(VI mask, VI yes, VI no) { return _mm512_ternarylogic_epi32(mask, yes, no, 0xca); }
template <int N> HENCE_INLINE VI right(VI a) { return N ? _mm512_srli_epi32(a, N) : a; }
template <int N> HENCE_INLINE VI left(VI a) { return N ? _mm512_slli_epi32(a, N) : a; }
HENCE_INLINE VI add32(VI a, VI b) { return _mm512_add_epi32(a, b); }
HENCE_INLINE VF toFloat(VI a) { return _mm512_cvtepi32_ps(a); }
HENCE_INLINE VF setAll(float x) { return _mm512_set1_ps(x); }
HENCE_INLINE VF mulAdd(VF a, VF b, VF c) { return _mm512_fmadd_ps(a, b, c); }
HENCE_INLINE VF mul(VF a, VF b) { return _mm512_mul_ps(a, b); }
HENCE_INLINE void storeFloats(float* p, VF a) { _mm512_storeu_ps(p, a); }
HENCE_INLINE VF loadHalves(const uint8_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p)); }
HENCE_INLINE VF loadU8(const uint8_t* p) { return toFloat(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p))); }
HENCE_INLINE VF loadI8(const uint8_t* p) { return toFloat(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p))); }

#elif defined(__AVX2__)

using VF = __m256;
using VI = __m256i;
constexpr int kColumns = 8;
constexpr int kMaxFewRows = 4;

HENCE_INLINE VI loadBytes(const uint8_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
HENCE_INLINE VI setAll32(int32_t x) { return _mm256_set1_epi32(x); }
HENCE_INLINE VI andBits(VI a, VI b) { return _mm256_and_si256(a, b); }
HENCE_INLINE VI select(VI mask, VI yes, VI no) { return _mm256_or_si256(_mm256_and_si256(mask, yes), _mm256_andnot_si256(mask, no)); }
template <int N> HENCE_INLINE VI right(VI a) { return N ? _mm256_srli_epi32(a, N) : a; }
template <int N> HENCE_INLINE VI left(VI a) { return N ? _mm256_slli_epi32(a, N) : a; }
HENCE_INLINE VI add32(VI a, VI b) { return _mm256_add_epi32(a, b); }
HENCE_INLINE VF toFloat(VI a) { return _mm256_cvtepi32_ps(a); }
HENCE_INLINE VF setAll(float x) { return _mm256_set1_ps(x); }
HENCE_INLINE VF mulAdd(VF a, VF b, VF c) { return _mm256_fmadd_ps(a, b, c); }
HENCE_INLINE VF mul(VF a, VF b) { return _mm256_mul_ps(a, b); }
HENCE_INLINE void storeFloats(float* p, VF a) { _mm256_storeu_ps(p, a); }
HENCE_INLINE VF loadHalves(const uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
HENCE_INLINE VF loadU8(const uint8_t* p) { return toFloat(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p))); }
HENCE_INLINE VF loadI8(const uint8_t* p) { return toFloat(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p))); }

#else

typedef float VF __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16)));
typedef uint32_t VU __attribute__((vector_size(16)));
constexpr int kColumns = 4;
constexpr int kMaxFewRows = 4;

HENCE_INLINE VI loadBytes(const uint8_t* p) { VI r; std::memcpy(&r, p, 16); return r; }
HENCE_INLINE VI setAll32(int32_t x) { return VI{x, x, x, x}; }
HENCE_INLINE VI andBits(VI a, VI b) { return a & b; }
HENCE_INLINE VI select(VI mask, VI yes, VI no) { return (mask & yes) | (~mask & no); }
template <int N> HENCE_INLINE VI right(VI a) { return (VI)((VU)a >> N); }
template <int N> HENCE_INLINE VI left(VI a) { return a << N; }
HENCE_INLINE VI add32(VI a, VI b) { return a + b; }
HENCE_INLINE VF toFloat(VI a) { return __builtin_convertvector(a, VF); }
HENCE_INLINE VF setAll(float x) { return VF{x, x, x, x}; }
HENCE_INLINE VF mulAdd(VF a, VF b, VF c) { return a * b + c; }
HENCE_INLINE VF mul(VF a, VF b) { return a * b; }
HENCE_INLINE void storeFloats(float* p, VF a) { std::memcpy(p, &a, 16); }
HENCE_INLINE VF loadHalves(const uint8_t* p) {
  uint16_t h[4];
  std::memcpy(h, p, 8);
  return VF{halfToFloat(h[0]), halfToFloat(h[1]), halfToFloat(h[2]), halfToFloat(h[3])};
}
HENCE_INLINE VF loadU8(const uint8_t* p) { return toFloat(VI{p[0], p[1], p[2], p[3]}); }
HENCE_INLINE VF loadI8(const uint8_t* p) { return toFloat(VI{int8_t(p[0]), int8_t(p[1]), int8_t(p[2]), int8_t(p[3])}); }

#endif

constexpr int kParts = kPanelColumns / kColumns;

// body(Index<From>{}), body(Index<From + 1>{}), ... with the index known at compile time.
template <int v> struct Index { static constexpr int value = v; };
template <int From, int To, class Body> HENCE_INLINE void unrolled(const Body& body) {
  if constexpr (From < To) {
    body(Index<From>{});
    unrolled<From + 1, To>(body);
  }
}

// The hardware prefetcher stops at every 4 KB; this carries a forward stream across.
constexpr int64_t kPrefetchBytes = 8192;
HENCE_INLINE void prefetchLines(const uint8_t* p, int bytes) {
  for (int line = 0; line < bytes; line += 64) __builtin_prefetch(p + kPrefetchBytes + line);
}

// The same from the end of a panel into the one that is read next, which may lie anywhere.
struct PrefetchStream {
  const uint8_t* end;
  int64_t jump;  // from the end of this panel to the beginning of the next
  HENCE_INLINE PrefetchStream(const uint8_t* panel, size_t bytes, const uint8_t* ahead) : end(panel + bytes), jump(ahead ? ahead - end : 0) {}
  HENCE_INLINE void prefetch(const uint8_t* at, int bytes) const {
    prefetchLines(at + kPrefetchBytes >= end ? at + jump : at, bytes);
  }
};

// Four activations of one row.
HENCE_INLINE VI broadcastQuad(const int8_t* x) {
  int32_t word;
  std::memcpy(&word, x, 4);
  return setAll32(word);
}

// Byte `k` of each lane, as an integer.
template <int k> HENCE_INLINE VI byteOf(VI quad) {
  if constexpr (k == 3) return right<24>(quad);
  else return andBits(right<8 * k>(quad), setAll32(255));
}

// Quad j (0..15) of a payload block, unsigned bytes of `kColumns` columns.
template <int Bits, int j> HENCE_INLINE VI loadQuad(const uint8_t* payload, int part) {
  constexpr int g = j / 8, i = j % 8;
  payload += part * kColumns * 4;
  if constexpr (Bits == 8) {
    return loadBytes(payload + j * 64);
  } else {
    VI low = right<i / 4 * 4>(loadBytes(payload + g * 256 + i % 4 * 64));
    const VI nibble = setAll32(0x0f0f0f0f);
    if constexpr (Bits == 4) return andBits(low, nibble);
    VI high = loadBytes(payload + 512 + (2 * g + i / 4) * 64);
    if constexpr (i % 4 < 2) high = left<4 - i % 4 * 2>(high);
    else high = right<i % 4 * 2 - 4>(high);
    return andBits(select(nibble, low, high), setAll32(0x3f3f3f3f));
  }
}

// start(r, sum) sets row r to an initial value, add(quad, x) adds one quad for all rows, x[r * stride] being row r's four
// activations; at most eight quads may be added before total(r) is read. What is multiplied is q - kOffset.
#if defined(__AVX512VNNI__)

template <int Bits, int R> struct Dots {
  static constexpr int kOffset = 0;
  static constexpr int kChains = R <= 2 ? 2 : 1;  // one or two rows alone would wait for the instruction's latency
  VI sum[kChains][R];
  HENCE_INLINE void start(int r, VI initial) {
    sum[0][r] = initial;
    if constexpr (kChains == 2) sum[1][r] = _mm512_setzero_si512();
  }
  template <int j> HENCE_INLINE void add(VI quad, const int8_t* x, int stride) {
    HENCE_UNROLL for (int r = 0; r < R; r++)
      sum[j % kChains][r] = _mm512_dpbusd_epi32(sum[j % kChains][r], quad, broadcastQuad(x + r * stride));
  }
  HENCE_INLINE VI total(int r) const { return kChains == 2 ? add32(sum[0][r], sum[kChains - 1][r]) : sum[0][r]; }
};

#elif defined(__AVX2__)

// Bytes are multiplied and added pairwise into 16 bits, which overflow beyond 32,767:
//   4 bits: eight quads of 2 * 15 * 128 fit; 6 bits: two quads of 2 * 63 * 128 fit; 8 bits: as two 4-bit numbers.
#if defined(__AVX512F__)
HENCE_INLINE VI multiplyPairs(VI quad, VI x) { return _mm512_maddubs_epi16(quad, x); }
HENCE_INLINE VI add16(VI a, VI b) { return _mm512_add_epi16(a, b); }
HENCE_INLINE VI widenPairs(VI a, int16_t factor) { return _mm512_madd_epi16(a, _mm512_set1_epi16(factor)); }
#else
HENCE_INLINE VI multiplyPairs(VI quad, VI x) { return _mm256_maddubs_epi16(quad, x); }
HENCE_INLINE VI add16(VI a, VI b) { return _mm256_add_epi16(a, b); }
HENCE_INLINE VI widenPairs(VI a, int16_t factor) { return _mm256_madd_epi16(a, _mm256_set1_epi16(factor)); }
#endif

template <int Bits, int R> struct Dots {
  static constexpr int kOffset = 0;
  VI sum[R], low[R], high[R];
  HENCE_INLINE void start(int r, VI initial) {
    sum[r] = initial;
    low[r] = high[r] = setAll32(0);
  }
  template <int j> HENCE_INLINE void add(VI quad, const int8_t* x, int stride) {
    const VI nibble = setAll32(0x0f0f0f0f);
    VI quadLow = Bits == 8 ? andBits(quad, nibble) : quad, quadHigh = andBits(right<4>(quad), nibble);
    HENCE_UNROLL for (int r = 0; r < R; r++) {
      VI xr = broadcastQuad(x + r * stride);
      if constexpr (Bits == 6 && j % 2 == 0) low[r] = multiplyPairs(quadLow, xr);
      else low[r] = add16(low[r], multiplyPairs(quadLow, xr));
      if constexpr (Bits == 6 && j % 2 == 1) sum[r] = add32(sum[r], widenPairs(low[r], 1));
      if constexpr (Bits == 8) high[r] = add16(high[r], multiplyPairs(quadHigh, xr));
    }
  }
  HENCE_INLINE VI total(int r) const {
    if constexpr (Bits == 6) return sum[r];
    VI all = add32(sum[r], widenPairs(low[r], 1));
    return Bits == 8 ? add32(all, widenPairs(high[r], 16)) : all;
  }
};

#elif defined(__SSE2__)

// Even and odd bytes as 16-bit numbers: products of pairs are exact in 32 bits.
template <int Bits, int R> struct Dots {
  static constexpr int kOffset = 0;
  VI sum[R];
  HENCE_INLINE void start(int r, VI initial) { sum[r] = initial; }
  template <int j> HENCE_INLINE void add(VI quad, const int8_t* x, int stride) {
    const __m128i even = _mm_and_si128((__m128i)quad, _mm_set1_epi16(255)), odd = _mm_srli_epi16((__m128i)quad, 8);
    HENCE_UNROLL for (int r = 0; r < R; r++) {
      __m128i xr = (__m128i)broadcastQuad(x + r * stride);
      __m128i xEven = _mm_srai_epi16(_mm_slli_epi16(xr, 8), 8), xOdd = _mm_srai_epi16(xr, 8);
      sum[r] += (VI)_mm_add_epi32(_mm_madd_epi16(even, xEven), _mm_madd_epi16(odd, xOdd));
    }
  }
  HENCE_INLINE VI total(int r) const { return sum[r]; }
};

#else

// Signed bytes are what the instructions multiply: 8-bit quants enter less 128.
template <int Bits, int R> struct Dots {
  static constexpr int kOffset = Bits == 8 ? 128 : 0;
#if defined(__ARM_FEATURE_DOTPROD)
  int32x4_t sum[R];
  HENCE_INLINE void start(int r, VI initial) { sum[r] = (int32x4_t)initial; }
  HENCE_INLINE VI total(int r) const { return (VI)sum[r]; }
#else
  VI initial[R];
  int32x4_t low[R], high[R];  // two lanes per column
  HENCE_INLINE void start(int r, VI value) { initial[r] = value, low[r] = high[r] = vdupq_n_s32(0); }
  HENCE_INLINE VI total(int r) const { return initial[r] + (VI)vpaddq_s32(low[r], high[r]); }
#endif
  template <int j> HENCE_INLINE void add(VI quad, const int8_t* x, int stride) {
    int8x16_t q = (int8x16_t)quad;
    if constexpr (Bits == 8) q = veorq_s8(q, vdupq_n_s8(-128));
    HENCE_UNROLL for (int r = 0; r < R; r++) {
      const int8x16_t xr = (int8x16_t)broadcastQuad(x + r * stride);
#if defined(__ARM_FEATURE_DOTPROD)
      sum[r] = vdotq_s32(sum[r], q, xr);
#else
      low[r] = vpadalq_s16(low[r], vmull_s8(vget_low_s8(q), vget_low_s8(xr)));
      high[r] = vpadalq_s16(high[r], vmull_high_s8(q, xr));
#endif
    }
  }
};

#endif

// Scale and minimum of group g (within the unit) for `kColumns` columns. The factors per super unit are loaded once.
template <Layout L> struct UnitScales {
  const uint8_t* unit;
  int part;
  VF scale, min;
  HENCE_INLINE UnitScales(const uint8_t* unit, int part) : unit(unit), part(part) {
    if constexpr (traitsOf(L).isSuper) {
      scale = loadHalves(unit + part * kColumns * 2);
      if constexpr (traitsOf(L).hasMin) min = mul(loadHalves(unit + 32 + part * kColumns * 2), setAll(-1));
    }
  }
  HENCE_INLINE VF groupScale(int g) const {
    const uint8_t* at = unit + scaleOffset(L, g);
    if constexpr (!traitsOf(L).isSuper) return loadHalves(at + part * kColumns * 2);
    else return mul(scale, traitsOf(L).hasMin ? loadU8(at + part * kColumns) : loadI8(at + part * kColumns));
  }
  HENCE_INLINE VF groupMin(int g) const {
    const uint8_t* at = unit + minOffset(L, g);
    if constexpr (traitsOf(L).isSuper) return mul(min, loadU8(at + part * kColumns));
    else return loadHalves(at + part * kColumns * 2);
  }
  // w = scale * q + offset.
  HENCE_INLINE VF groupOffset(int g, VF scaleOfGroup) const {
    if constexpr (traitsOf(L).hasMin) return groupMin(g);
    else return mul(scaleOfGroup, setAll(float(-zeroPoint(L))));
  }
};

}  // namespace hence::HENCE_TARGET

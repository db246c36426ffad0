// Sixteen f32 lanes on every instruction set: one 512-bit register, two 256-bit ones, or four 128-bit ones (SSE2, NEON
// through the compiler's vector extension). Kernels are written once against this.
//
// min and max return their second operand where either is NaN: max(x, best) skips a NaN in x, max(best, x) takes it.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef HENCE_TARGET
#error "define HENCE_TARGET to the namespace of the instruction set before including"
#endif

#define HENCE_INLINE inline __attribute__((always_inline))
#define HENCE_INLINE_LAMBDA __attribute__((always_inline))

namespace hence::HENCE_TARGET {

constexpr int kLanes = 16;

// How many F fit into the registers as accumulators, with room left for operands: the size of register tiles.
#if defined(__AVX512F__)
constexpr int kAccumulators = 24;  // of 32
#elif defined(__AVX2__)
constexpr int kAccumulators = 6;  // of 8
#elif defined(__aarch64__)
constexpr int kAccumulators = 6;  // of 8
#else
constexpr int kAccumulators = 3;  // of 4
#endif

HENCE_INLINE float halfToFloat(uint16_t h) {
  uint32_t magnitude = uint32_t(h & 0x7fff) << 13, result;
  float f;
  if (magnitude >= 0x0f800000) result = magnitude + 0x70000000;  // infinity and NaN
  else if (magnitude >= 0x00800000) result = magnitude + 0x38000000;
  else {  // subnormal: the fraction on top of 2^-14, less 2^-14; no number on the way is subnormal in f32
    result = magnitude + 0x38800000;
    std::memcpy(&f, &result, 4);
    f -= 6.103515625e-05f;
    std::memcpy(&result, &f, 4);
  }
  result |= uint32_t(h & 0x8000) << 16;
  std::memcpy(&f, &result, 4);
  return f;
}
HENCE_INLINE uint16_t floatToHalf(float x) {  // nearest even
  uint32_t u;
  std::memcpy(&u, &x, 4);
  uint32_t sign = u >> 16 & 0x8000;
  u &= 0x7fffffff;
  if (u > 0x7f800000) return uint16_t(sign | 0x7e00);
  if (u >= 0x477ff000) return uint16_t(sign | 0x7c00);
  if (u < 0x38800000) {  // subnormal half: the addition rounds in the float unit
    float f;
    std::memcpy(&f, &u, 4);
    f += 0.5f;
    std::memcpy(&u, &f, 4);
    return uint16_t(sign | (u - 0x3f000000));
  }
  return uint16_t(sign | ((u - 0x38000000 + 0xfff + (u >> 13 & 1)) >> 13));
}

#if defined(__AVX512F__)

struct F { __m512 v; };
struct I { __m512i v; };

HENCE_INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
HENCE_INLINE void store(float* p, F a) { _mm512_storeu_ps(p, a.v); }
HENCE_INLINE F loadPartial(const float* p, int n) { return {_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p)}; }
HENCE_INLINE void storePartial(float* p, F a, int n) { _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), a.v); }
HENCE_INLINE F set1(float x) { return {_mm512_set1_ps(x)}; }
HENCE_INLINE F zero() { return {_mm512_setzero_ps()}; }
HENCE_INLINE F operator+(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
HENCE_INLINE F operator-(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
HENCE_INLINE F operator*(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
HENCE_INLINE F operator/(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
HENCE_INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
HENCE_INLINE F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
HENCE_INLINE F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
HENCE_INLINE F sqrt(F a) { return {_mm512_sqrt_ps(a.v)}; }
HENCE_INLINE F abs(F a) { return {_mm512_abs_ps(a.v)}; }
HENCE_INLINE F floor(F a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
HENCE_INLINE F selectLess(F a, F b, F yes, F no) { return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)}; }
HENCE_INLINE F selectNaN(F a, F yes, F no) { return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), no.v, yes.v)}; }
HENCE_INLINE F round(F a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
HENCE_INLINE F timesPowerOfTwo(F a, F n) { return {_mm512_scalef_ps(a.v, n.v)}; }
HENCE_INLINE float reduceAdd(F a) { return _mm512_reduce_add_ps(a.v); }
HENCE_INLINE float reduceMax(F a) { return _mm512_reduce_max_ps(a.v); }
HENCE_INLINE F permute(F a, I from) { return {_mm512_permutexvar_ps(from.v, a.v)}; }  // lane l becomes lane from[l]
HENCE_INLINE F toFloat(I a) { return {_mm512_cvtepi32_ps(a.v)}; }
HENCE_INLINE I toInt(F a) { return {_mm512_cvtps_epi32(a.v)}; }  // nearest even
HENCE_INLINE I iset1(int32_t x) { return {_mm512_set1_epi32(x)}; }
HENCE_INLINE I iload(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
HENCE_INLINE void istore(int32_t* p, I a) { _mm512_storeu_si512(p, a.v); }
HENCE_INLINE I operator+(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
HENCE_INLINE I operator-(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
HENCE_INLINE I operator*(I a, I b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
HENCE_INLINE I operator&(I a, I b) { return {_mm512_and_si512(a.v, b.v)}; }
HENCE_INLINE I operator|(I a, I b) { return {_mm512_or_si512(a.v, b.v)}; }
HENCE_INLINE I operator^(I a, I b) { return {_mm512_xor_si512(a.v, b.v)}; }
HENCE_INLINE F bits(I a) { return {_mm512_castsi512_ps(a.v)}; }
HENCE_INLINE I bits(F a) { return {_mm512_castps_si512(a.v)}; }
template <int N> HENCE_INLINE I shiftLeft(I a) { return {_mm512_slli_epi32(a.v, N)}; }
template <int N> HENCE_INLINE I shiftRight(I a) { return {_mm512_srli_epi32(a.v, N)}; }
HENCE_INLINE F loadF16(const uint16_t* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p))}; }
HENCE_INLINE void storeF16(uint16_t* p, F a) { _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT)); }
HENCE_INLINE F loadBF16(const uint16_t* p) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16))}; }
HENCE_INLINE F loadI8(const int8_t* p) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)))}; }

#elif defined(__AVX2__)

struct F { __m256 a, b; };
struct I { __m256i a, b; };

HENCE_INLINE F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
HENCE_INLINE void store(float* p, F x) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }
HENCE_INLINE F set1(float x) { __m256 v = _mm256_set1_ps(x); return {v, v}; }
HENCE_INLINE F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
HENCE_INLINE F operator+(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
HENCE_INLINE F operator-(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
HENCE_INLINE F operator*(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
HENCE_INLINE F operator/(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
HENCE_INLINE F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
HENCE_INLINE F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
HENCE_INLINE F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
HENCE_INLINE F sqrt(F x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
HENCE_INLINE F abs(F x) { __m256 m = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)); return {_mm256_and_ps(x.a, m), _mm256_and_ps(x.b, m)}; }
HENCE_INLINE F floor(F x) { return {_mm256_floor_ps(x.a), _mm256_floor_ps(x.b)}; }
HENCE_INLINE F selectLess(F x, F y, F yes, F no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ)), _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))};
}
HENCE_INLINE F selectNaN(F x, F yes, F no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q)), _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q))};
}
HENCE_INLINE F round(F x) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.a, kNearest), _mm256_round_ps(x.b, kNearest)};
}
HENCE_INLINE F toFloat(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
HENCE_INLINE I toInt(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
HENCE_INLINE I iset1(int32_t x) { __m256i v = _mm256_set1_epi32(x); return {v, v}; }
HENCE_INLINE I iload(const int32_t* p) { return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)(p + 8))}; }
HENCE_INLINE void istore(int32_t* p, I x) { _mm256_storeu_si256((__m256i*)p, x.a), _mm256_storeu_si256((__m256i*)(p + 8), x.b); }
HENCE_INLINE I operator+(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
HENCE_INLINE I operator-(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
HENCE_INLINE I operator*(I x, I y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
HENCE_INLINE I operator&(I x, I y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
HENCE_INLINE I operator|(I x, I y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
HENCE_INLINE I operator^(I x, I y) { return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)}; }
HENCE_INLINE F bits(I x) { return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
HENCE_INLINE I bits(F x) { return {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
template <int N> HENCE_INLINE I shiftLeft(I x) { return {_mm256_slli_epi32(x.a, N), _mm256_slli_epi32(x.b, N)}; }
template <int N> HENCE_INLINE I shiftRight(I x) { return {_mm256_srli_epi32(x.a, N), _mm256_srli_epi32(x.b, N)}; }
HENCE_INLINE F loadF16(const uint16_t* p) { return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(p + 8)))}; }
HENCE_INLINE void storeF16(uint16_t* p, F x) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128((__m128i*)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
HENCE_INLINE F loadBF16(const uint16_t* p) {
  auto widen = [](const uint16_t* q) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)q)), 16)); };
  return {widen(p), widen(p + 8)};
}
HENCE_INLINE F loadI8(const int8_t* p) {
  auto widen = [](const int8_t* q) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)q))); };
  return {widen(p), widen(p + 8)};
}

#else

typedef float V4 __attribute__((vector_size(16)));
typedef int32_t W4 __attribute__((vector_size(16)));
typedef uint32_t U4 __attribute__((vector_size(16)));  // for sums that wrap around
struct F { V4 v[4]; };
struct I { W4 v[4]; };
#define HENCE_EACH for (int i = 0; i < 4; i++)

HENCE_INLINE F load(const float* p) { F r; std::memcpy(&r, p, 64); return r; }
HENCE_INLINE void store(float* p, F a) { std::memcpy(p, &a, 64); }
HENCE_INLINE F set1(float x) { F r; HENCE_EACH r.v[i] = V4{x, x, x, x}; return r; }
HENCE_INLINE F zero() { return set1(0); }
HENCE_INLINE F operator+(F a, F b) { HENCE_EACH a.v[i] += b.v[i]; return a; }
HENCE_INLINE F operator-(F a, F b) { HENCE_EACH a.v[i] -= b.v[i]; return a; }
HENCE_INLINE F operator*(F a, F b) { HENCE_EACH a.v[i] *= b.v[i]; return a; }
HENCE_INLINE F operator/(F a, F b) { HENCE_EACH a.v[i] /= b.v[i]; return a; }
#if defined(__aarch64__)
HENCE_INLINE F fma(F a, F b, F c) { HENCE_EACH c.v[i] = vfmaq_f32(c.v[i], a.v[i], b.v[i]); return c; }
HENCE_INLINE F sqrt(F a) { HENCE_EACH a.v[i] = vsqrtq_f32(a.v[i]); return a; }
HENCE_INLINE F floor(F a) { HENCE_EACH a.v[i] = vrndmq_f32(a.v[i]); return a; }
HENCE_INLINE F round(F a) { HENCE_EACH a.v[i] = vrndnq_f32(a.v[i]); return a; }
HENCE_INLINE I toInt(F a) { I r; HENCE_EACH r.v[i] = vcvtnq_s32_f32(a.v[i]); return r; }
#else
HENCE_INLINE F fma(F a, F b, F c) { HENCE_EACH c.v[i] += a.v[i] * b.v[i]; return c; }
HENCE_INLINE F sqrt(F a) { HENCE_EACH a.v[i] = _mm_sqrt_ps(a.v[i]); return a; }
HENCE_INLINE F round(F a) {  // adding 2²³ with the sign of a leaves no room for a fraction; larger numbers have none
  HENCE_EACH {
    V4 big = (V4)(((W4)a.v[i] & int32_t(0x80000000)) | 0x4b000000);
    a.v[i] = (V4)((W4)a.v[i] & 0x7fffffff) < 8388608.0f ? (a.v[i] + big) - big : a.v[i];
  }
  return a;
}
HENCE_INLINE F floor(F a) { F r = round(a); HENCE_EACH r.v[i] = r.v[i] > a.v[i] ? r.v[i] - 1.0f : r.v[i]; return r; }
HENCE_INLINE I toInt(F a) { I r; HENCE_EACH r.v[i] = (W4)_mm_cvtps_epi32(a.v[i]); return r; }
#endif
HENCE_INLINE F max(F a, F b) { HENCE_EACH a.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i]; return a; }
HENCE_INLINE F min(F a, F b) { HENCE_EACH a.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i]; return a; }
HENCE_INLINE F abs(F a) { HENCE_EACH a.v[i] = (V4)((W4)a.v[i] & 0x7fffffff); return a; }
HENCE_INLINE F selectLess(F a, F b, F yes, F no) { HENCE_EACH no.v[i] = a.v[i] < b.v[i] ? yes.v[i] : no.v[i]; return no; }
HENCE_INLINE F selectNaN(F a, F yes, F no) { HENCE_EACH no.v[i] = a.v[i] == a.v[i] ? no.v[i] : yes.v[i]; return no; }
HENCE_INLINE F toFloat(I a) { F r; HENCE_EACH r.v[i] = __builtin_convertvector(a.v[i], V4); return r; }
HENCE_INLINE I iset1(int32_t x) { I r; HENCE_EACH r.v[i] = W4{x, x, x, x}; return r; }
HENCE_INLINE I iload(const int32_t* p) { I r; std::memcpy(&r, p, 64); return r; }
HENCE_INLINE void istore(int32_t* p, I a) { std::memcpy(p, &a, 64); }
HENCE_INLINE I operator+(I a, I b) { HENCE_EACH a.v[i] = (W4)((U4)a.v[i] + (U4)b.v[i]); return a; }
HENCE_INLINE I operator-(I a, I b) { HENCE_EACH a.v[i] = (W4)((U4)a.v[i] - (U4)b.v[i]); return a; }
HENCE_INLINE I operator*(I a, I b) { HENCE_EACH a.v[i] = (W4)((U4)a.v[i] * (U4)b.v[i]); return a; }
HENCE_INLINE I operator&(I a, I b) { HENCE_EACH a.v[i] &= b.v[i]; return a; }
HENCE_INLINE I operator|(I a, I b) { HENCE_EACH a.v[i] |= b.v[i]; return a; }
HENCE_INLINE I operator^(I a, I b) { HENCE_EACH a.v[i] ^= b.v[i]; return a; }
HENCE_INLINE F bits(I a) { F r; std::memcpy(&r, &a, 64); return r; }
HENCE_INLINE I bits(F a) { I r; std::memcpy(&r, &a, 64); return r; }
template <int N> HENCE_INLINE I shiftLeft(I a) { HENCE_EACH a.v[i] <<= N; return a; }
template <int N> HENCE_INLINE I shiftRight(I a) {
  HENCE_EACH a.v[i] = (W4)((U4)a.v[i] >> N);
  return a;
}
#if defined(__aarch64__)
HENCE_INLINE F loadF16(const uint16_t* p) { F r; HENCE_EACH r.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))); return r; }
HENCE_INLINE void storeF16(uint16_t* p, F a) { HENCE_EACH vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(a.v[i]))); }
HENCE_INLINE F loadBF16(const uint16_t* p) { F r; HENCE_EACH r.v[i] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)); return r; }
HENCE_INLINE F loadI8(const int8_t* p) {
  const int8x16_t bytes = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))}};
}
#else
// As halfToFloat, lane by lane.
HENCE_INLINE F loadF16(const uint16_t* p) {
  F r;
  HENCE_EACH {
    W4 h = (W4)_mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i*)(p + 4 * i)), _mm_setzero_si128());
    W4 magnitude = (h & 0x7fff) << 13;
    W4 subnormal = (W4)((V4)(magnitude + 0x38800000) - 6.103515625e-05f);
    W4 finite = magnitude < 0x00800000 ? subnormal : magnitude + 0x38000000;
    r.v[i] = (V4)((magnitude < 0x0f800000 ? finite : magnitude + 0x70000000) | (h & 0x8000) << 16);
  }
  return r;
}
HENCE_INLINE void storeF16(uint16_t* p, F a) { float t[16]; store(t, a); for (int i = 0; i < 16; i++) p[i] = floatToHalf(t[i]); }
HENCE_INLINE F loadBF16(const uint16_t* p) {
  F r;
  HENCE_EACH r.v[i] = (V4)_mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i*)(p + 4 * i)));
  return r;
}
HENCE_INLINE F loadI8(const int8_t* p) {  // each byte to the top of a lane, then down with its sign
  const __m128i bytes = _mm_loadu_si128((const __m128i*)p), none = _mm_setzero_si128();
  const __m128i pairs[2] = {_mm_unpacklo_epi8(none, bytes), _mm_unpackhi_epi8(none, bytes)};
  F r;
  HENCE_EACH r.v[i] = (V4)_mm_cvtepi32_ps(_mm_srai_epi32(i % 2 == 0 ? _mm_unpacklo_epi16(none, pairs[i / 2]) : _mm_unpackhi_epi16(none, pairs[i / 2]), 24));
  return r;
}
#endif
#undef HENCE_EACH

#endif

#if !defined(__AVX512F__)
HENCE_INLINE F permute(F a, I from) {
  float lanes[16], r[16];
  int32_t index[16];
  store(lanes, a);
  istore(index, from);
  for (int i = 0; i < 16; i++) r[i] = lanes[index[i]];
  return load(r);
}
HENCE_INLINE F loadPartial(const float* p, int n) { float t[16] = {}; std::memcpy(t, p, size_t(n) * 4); return load(t); }
HENCE_INLINE void storePartial(float* p, F a, int n) { float t[16]; store(t, a); std::memcpy(p, t, size_t(n) * 4); }
// Halves are joined until one lane is left: 16, 8, 4, 2, the same order on every instruction set.
#if defined(__x86_64__)
HENCE_INLINE __m128 quarter(F a, bool largest) {
#if defined(__AVX2__)
  __m256 h = largest ? _mm256_max_ps(a.a, a.b) : _mm256_add_ps(a.a, a.b);
  __m128 lo = _mm256_castps256_ps128(h), hi = _mm256_extractf128_ps(h, 1);
#else
  __m128 lo = largest ? _mm_max_ps(a.v[0], a.v[2]) : _mm_add_ps(a.v[0], a.v[2]);
  __m128 hi = largest ? _mm_max_ps(a.v[1], a.v[3]) : _mm_add_ps(a.v[1], a.v[3]);
#endif
  return largest ? _mm_max_ps(lo, hi) : _mm_add_ps(lo, hi);
}
HENCE_INLINE float reduceAdd(F a) {
  __m128 q = quarter(a, false), h = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
HENCE_INLINE float reduceMax(F a) {
  __m128 q = quarter(a, true), h = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}
#else
HENCE_INLINE float reduceAdd(F a) {
  V4 q = (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
  return (q[0] + q[2]) + (q[1] + q[3]);
}
HENCE_INLINE float reduceMax(F a) { return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.v[0], a.v[2]), vmaxq_f32(a.v[1], a.v[3]))); }
#endif
// a · 2ⁿ for whole n in -300 .. 300; two steps, so that the result may be subnormal or infinite.
HENCE_INLINE F timesPowerOfTwo(F a, F n) {
  I whole = toInt(n), first = toInt(n * set1(0.5f));
  auto power = [](I e) { return bits(shiftLeft<23>(e + iset1(127))); };
  return a * power(first) * power(whole - first);
}
#endif

HENCE_INLINE F negate(F a) { return bits(bits(a) ^ iset1(int32_t(0x80000000))); }
// The magnitude of a (which must not be negative) with the sign of b.
HENCE_INLINE F withSign(F a, F b) { return bits(bits(a) | (bits(b) & iset1(int32_t(0x80000000)))); }
// The first n lanes of a, zero in the others.
HENCE_INLINE F keepFirst(F a, int n) { float t[16]; store(t, a); return loadPartial(t, n); }

// bf16, nearest even; NaN stays NaN.
HENCE_INLINE uint16_t floatToBF16(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  if ((u & 0x7fffffff) > 0x7f800000) return uint16_t(u >> 16 | 0x40);
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
HENCE_INLINE void storeBF16(uint16_t* p, F a) { float t[16]; store(t, a); for (int i = 0; i < 16; i++) p[i] = floatToBF16(t[i]); }

}  // namespace hence::HENCE_TARGET

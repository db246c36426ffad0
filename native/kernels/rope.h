// Rotary position embedding: the table of cosines and sines, once per step, and the rotation, once per layer.
// Source: Su et al. 2021 (RoFormer).
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

// The angle is rounded to f32, as the models were trained; its cosine and sine are then exact to f32, however large.
inline void rotaryTable(const RotaryTableArgs& a, const Thread& t) {
  Range tokens = t.share(a.tokens);
  for (int64_t token = tokens.begin; token < tokens.end; token++) {
    float* y = a.y + token * 2 * a.half;
    for (int32_t i = 0; i < a.half; i++) {
      double angle = float(a.positions[token]) * a.frequencies[i];
      y[i] = float(__builtin_cos(angle)) * a.scale;
      y[a.half + i] = float(__builtin_sin(angle)) * a.scale;
    }
  }
}

// (x, y) -> (x cos - y sin, y cos + x sin) for 16 pairs.
struct Turned { F first, second; };
HENCE_INLINE Turned turn(F x, F y, F cos, F sin) { return {fma(x, cos, negate(y * sin)), fma(y, cos, x * sin)}; }

HENCE_INLINE void turnHalves(const float* x, const float* table, float* y, int half) {
  int i = 0;
  for (; i + 16 <= half; i += 16) {
    Turned r = turn(load(x + i), load(x + half + i), load(table + i), load(table + half + i));
    store(y + i, r.first);
    store(y + half + i, r.second);
  }
  if (int n = half - i) {
    Turned r = turn(loadPartial(x + i, n), loadPartial(x + half + i, n), loadPartial(table + i, n), loadPartial(table + half + i, n));
    storePartial(y + i, r.first, n);
    storePartial(y + half + i, r.second, n);
  }
}

HENCE_INLINE void turnPairs(const float* x, const float* table, float* y, int half) {
  for (int i = 0; i < half; i += 16) {
    int n = half - i < 16 ? half - i : 16;
    float first[16], second[16];  // split and joined through memory, which also allows y == x
    for (int j = 0; j < n; j++) first[j] = x[2 * (i + j)], second[j] = x[2 * (i + j) + 1];
    Turned r = turn(loadPartial(first, n), loadPartial(second, n), loadPartial(table + i, n), loadPartial(table + half + i, n));
    store(first, r.first);
    store(second, r.second);
    for (int j = 0; j < n; j++) y[2 * (i + j)] = first[j], y[2 * (i + j) + 1] = second[j];
  }
}

inline void rope(const RopeArgs& a, const Thread& t) {
  Range heads = t.share(a.tokens * a.heads);
  for (int64_t i = heads.begin; i < heads.end; i++) {
    const float* x = a.x + i * a.headDim;
    const float* table = a.table + i / a.heads * 2 * a.half;
    float* y = a.y + i * a.headDim;
    if (a.style == RopeStyle::Half) turnHalves(x, table, y, a.half);
    else turnPairs(x, table, y, a.half);
    if (y != x) std::memcpy(y + 2 * a.half, x + 2 * a.half, size_t(a.headDim - 2 * a.half) * 4);
  }
}

}  // namespace hence::HENCE_TARGET

// Root-mean-square and layer norm of dense rows. Sums run over 4 x 16 lanes, so that each lane adds width / 64 numbers
// and rounding stays near 1e-7 at any model width.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

// Sum of term(x[i..i+16]) over a row; `term` of a lane beyond the row is dropped.
template <class Term> HENCE_INLINE float sumOver(const float* x, int64_t width, const Term& term) {
  F sums[4] = {zero(), zero(), zero(), zero()};
  int64_t i = 0;
  for (; i + 64 <= width; i += 64)
    for (int j = 0; j < 4; j++) sums[j] = sums[j] + term(load(x + i + 16 * j));
  for (; i + 16 <= width; i += 16) sums[0] = sums[0] + term(load(x + i));
  if (i < width) sums[1] = sums[1] + keepFirst(term(loadPartial(x + i, int(width - i))), int(width - i));
  return reduceAdd((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// y = (x - mean) · factor · weight + bias
HENCE_INLINE void normalizeRow(const NormArgs& a, const float* x, float* y, float mean, float factor) {
  F m = set1(mean), f = set1(factor);
  int64_t i = 0;
  for (; i + 16 <= a.width; i += 16) {
    F r = (load(x + i) - m) * f;
    store(y + i, a.bias ? fma(r, load(a.weight + i), load(a.bias + i)) : r * load(a.weight + i));
  }
  if (int n = int(a.width - i)) {
    F r = (loadPartial(x + i, n) - m) * f, w = loadPartial(a.weight + i, n);
    storePartial(y + i, a.bias ? fma(r, w, loadPartial(a.bias + i, n)) : r * w, n);
  }
}

inline void norm(const NormArgs& a, const Thread& t) {
  Range rows = t.share(a.rows);
  for (int64_t row = rows.begin; row < rows.end; row++) {
    const float* x = a.x + row * a.width;
    float mean = 0;
    if (a.kind == NormKind::Layer) mean = sumOver(x, a.width, [](F v) { return v; }) / float(a.width);
    F m = set1(mean);
    float squares = sumOver(x, a.width, [m](F v) { return (v - m) * (v - m); });
    float factor = 1.0f / __builtin_sqrtf(squares / float(a.width) + a.epsilon);
    normalizeRow(a, x, a.y + row * a.width, mean, factor);
  }
}

}  // namespace hence::HENCE_TARGET

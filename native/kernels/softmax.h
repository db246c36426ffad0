// Softmax of dense rows: largest, exponentials and their sum, division.
#pragma once
#include "../kernels.h"
#include "../simd.h"
#include "vector-math.h"

namespace hence::HENCE_TARGET {

// Largest number of a row; NaN is skipped. Minus infinity for an empty row.
HENCE_INLINE float largestOf(const float* x, int64_t n) {
  F best[4] = {set1(-__builtin_inff()), best[0], best[0], best[0]};
  int64_t i = 0;
  for (; i + 64 <= n; i += 64)
    for (int j = 0; j < 4; j++) best[j] = max(load(x + i + 16 * j), best[j]);
  for (; i + 16 <= n; i += 16) best[0] = max(load(x + i), best[0]);
  float largest = reduceMax(max(max(best[0], best[1]), max(best[2], best[3])));
  for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// Along an axis that is not the last: sixteen columns at a time.
inline void softmaxColumns(const SoftmaxArgs& a, const Thread& t) {
  const int64_t blocks = (a.inner + 15) / 16;
  const Range share = t.share(a.rows * blocks);
  for (int64_t at = share.begin; at < share.end; at++) {
    const int64_t column = at % blocks * 16, begin = at / blocks * a.width * a.inner + column;
    const int n = a.inner - column < 16 ? int(a.inner - column) : 16;
    const float* x = a.x + begin;
    float* y = a.y + begin;
    F largest = set1(-__builtin_inff()), sum = zero();
    for (int64_t i = 0; i < a.width; i++) largest = max(loadPartial(x + i * a.inner, n), largest);
    for (int64_t i = 0; i < a.width; i++) {
      const F e = exp(loadPartial(x + i * a.inner, n) - largest);
      storePartial(y + i * a.inner, e, n);
      sum = sum + e;
    }
    for (int64_t i = 0; i < a.width; i++) storePartial(y + i * a.inner, loadPartial(y + i * a.inner, n) / sum, n);
  }
}

inline void softmax(const SoftmaxArgs& a, const Thread& t) {
  if (a.inner > 1) return softmaxColumns(a, t);
  Range rows = t.share(a.rows);
  const int64_t whole = a.width & ~int64_t(15);
  const int rest = int(a.width - whole);
  for (int64_t row = rows.begin; row < rows.end; row++) {
    const float* x = a.x + row * a.width;
    float* y = a.y + row * a.width;
    F largest = set1(largestOf(x, a.width)), sum = zero();
    for (int64_t i = 0; i < whole; i += 16) {
      F e = exp(load(x + i) - largest);
      store(y + i, e);
      sum = sum + e;
    }
    if (rest) {
      F e = keepFirst(exp(loadPartial(x + whole, rest) - largest), rest);
      storePartial(y + whole, e, rest);
      sum = sum + e;
    }
    F total = set1(reduceAdd(sum));
    for (int64_t i = 0; i < whole; i += 16) store(y + i, load(y + i) / total);
    if (rest) storePartial(y + whole, loadPartial(y + whole, rest) / total, rest);
  }
}

}  // namespace hence::HENCE_TARGET

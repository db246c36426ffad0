// Running sums and products along an axis, in doubles.
#pragma once
#include "../kernels.h"

namespace hence::HENCE_TARGET {

constexpr int64_t kCumulativeColumns = 32;  // neighbours along the inner axis that are folded side by side

inline void cumulative(const CumulativeArgs& a, const Thread& t) {
  const int64_t blocks = (a.inner + kCumulativeColumns - 1) / kCumulativeColumns;
  const Range share = t.share(a.outer * blocks);
  for (int64_t at = share.begin; at < share.end; at++) {
    const int64_t column = at % blocks * kCumulativeColumns, n = a.inner - column < kCumulativeColumns ? a.inner - column : kCumulativeColumns;
    const int64_t first = at / blocks * a.size * a.inner + column;
    double sums[kCumulativeColumns];
    for (int64_t c = 0; c < n; c++) sums[c] = a.product ? 1 : 0;
    for (int64_t i = 0; i < a.size; i++) {
      const int64_t row = first + (a.reverse ? a.size - 1 - i : i) * a.inner;
      for (int64_t c = 0; c < n; c++) {
        const double x = double(a.x[row + c]), next = a.product ? sums[c] * x : sums[c] + x;
        a.y[row + c] = float(a.exclusive ? sums[c] : next);
        sums[c] = next;
      }
    }
  }
}

}  // namespace hence::HENCE_TARGET

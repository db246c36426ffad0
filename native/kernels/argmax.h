// Index of the largest number of each row, the first among equals; NaN is skipped, a row of nothing else gives 0.
#pragma once
#include "../kernels.h"
#include "../simd.h"
#include "softmax.h"

namespace hence::HENCE_TARGET {

// Values only are compared lane by lane, strip by strip; the index is then looked up in the one strip that holds it.
constexpr int64_t kArgmaxStrip = 1024;

inline void argmax(const ArgmaxArgs& a, const Thread& t) {
  Range rows = t.share(a.rows);
  for (int64_t row = rows.begin; row < rows.end; row++) {
    const float* x = a.x + row * a.width;
    float best = -__builtin_inff();
    int64_t at = 0;
    for (int64_t i = 0; i < a.width; i += kArgmaxStrip) {
      int64_t n = a.width - i < kArgmaxStrip ? a.width - i : kArgmaxStrip;
      float largest = largestOf(x + i, n);
      if (largest > best) best = largest, at = i;
    }
    while (at < a.width && !(x[at] == best)) at++;
    a.y[row] = int32_t(at < a.width ? at : 0);
  }
}

}  // namespace hence::HENCE_TARGET

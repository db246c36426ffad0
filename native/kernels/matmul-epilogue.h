// What happens to a finished sum: y = residual + activation(sum + bias), stored to the columns that exist.
#pragma once
#include "../layouts.h"
#include "vector-math.h"

namespace hence::HENCE_TARGET {

// Where one matrix of a matmul writes.
struct Output {
  float* y;               // [rows, n]
  const float* bias;      // [n] or null
  const float* residual;  // [rows, n] or null; may be y
  int64_t n;
  Activation activation;
};

HENCE_INLINE Output outputOf(const MatmulArgs& args, int i) {
  return {args.y[i], args.bias[i], args.residual, args.w[i].n, args.activation};
}

// Out of line: the polynomials would be inlined into every kernel.
static __attribute__((noinline)) void activateInPlace(Activation activation, float* sixteen) {
  store(sixteen, applyActivation(activation, load(sixteen)));
}

// Sums of sixteen columns from `column` on.
HENCE_INLINE void finishColumns(const Output& out, int64_t row, int64_t column, F sum) {
  const int64_t at = row * out.n + column;
  const bool whole = column + kPanelColumns <= out.n;
  const int columns = whole ? kPanelColumns : int(out.n - column);
  if (out.bias) sum = sum + (whole ? load(out.bias + column) : loadPartial(out.bias + column, columns));
  if (out.activation != Activation::None) {
    alignas(64) float values[kPanelColumns];
    store(values, sum);
    activateInPlace(out.activation, values);
    sum = load(values);
  }
  if (out.residual) sum = sum + (whole ? load(out.residual + at) : loadPartial(out.residual + at, columns));
  if (whole) store(out.y + at, sum);
  else storePartial(out.y + at, sum, columns);
}

}  // namespace hence::HENCE_TARGET

// What happens to a finished sum: bias, activation and residual, stored to the columns that exist.
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
  Finish finish;
};

HENCE_INLINE Output outputOf(const MatmulArgs& args, int i) {
  return {args.y[i], args.bias[i], args.residual, args.w[i].n, args.finish};
}

// Out of line: the polynomials would be inlined into every kernel.
static __attribute__((noinline)) void activateInPlace(const Finish& finish, float* sixteen) {
  store(sixteen, applyActivation(finish, load(sixteen)));
}

// Sums of sixteen columns from `column` on.
HENCE_INLINE void finishColumns(const Output& out, int64_t row, int64_t column, F sum) {
  const int64_t at = row * out.n + column;
  const bool whole = column + kPanelColumns <= out.n;
  const int columns = whole ? kPanelColumns : int(out.n - column);
  if (out.bias) sum = sum + (whole ? load(out.bias + column) : loadPartial(out.bias + column, columns));
  auto addResidual = [&] { sum = sum + (whole ? load(out.residual + at) : loadPartial(out.residual + at, columns)); };
  if (out.residual && out.finish.residualFirst) addResidual();
  if (out.finish.activation == Activation::Relu) {
    sum = relu(sum);
  } else if (out.finish.activation != Activation::None) {
    alignas(64) float values[kPanelColumns];
    store(values, sum);
    activateInPlace(out.finish, values);
    sum = load(values);
  }
  if (out.residual && !out.finish.residualFirst) addResidual();
  if (whole) store(out.y + at, sum);
  else storePartial(out.y + at, sum, columns);
}

}  // namespace hence::HENCE_TARGET

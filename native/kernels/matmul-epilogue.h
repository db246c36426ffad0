// What happens to a finished sum: bias, activation and residual, stored to the columns that exist.
#pragma once
#include "../layouts.h"
#include "vector-math.h"

namespace hence::HENCE_TARGET {

// Rows that lie in lines of images: `count` rows make a line, lines are `pitch` apart, `perImage` lines make an image.
struct OutputLines {
  int64_t first = 0, count = 0, pitch = 0, perImage = 0, imagePitch = 0;  // first: number of row 0; without lines count is 0
};

// Where one matrix of a matmul writes.
struct Output {
  float* y;               // [rows, n] within rows of `pitch`
  const float* bias;      // [n] or null
  const float* residual;  // as y, or null; may be y
  int64_t n, pitch;
  Finish finish;
  OutputLines lines = {};
};

HENCE_INLINE Output outputOf(const MatmulArgs& args, int i) {
  return {args.y[i], args.bias[i], args.residual, args.w[i].n, args.w[i].n, args.finish};
}

// Out of line: the polynomials would be inlined into every kernel.
static __attribute__((noinline)) void activateInPlace(const Finish& finish, float* sixteen) {
  store(sixteen, applyActivation(finish, load(sixteen)));
}

// Sums of sixteen columns from `column` on.
HENCE_INLINE void finishColumns(const Output& out, int64_t row, int64_t column, F sum) {
  const int64_t at = row * out.pitch + column;
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

// sumOf(r) of rows `row` + r, sixteen columns from `column` on. Functions are chosen outside the loop.
template <class Sum> HENCE_INLINE void finishEach(const Output& out, int64_t row, int64_t rows, int64_t column, const Sum& sumOf) {
  const int columns = int(out.n - column);
  if (columns < kPanelColumns) {
    for (int64_t r = 0; r < rows; r++) finishColumns(out, row + r, column, sumOf(r));
    return;
  }
  const F bias = out.bias ? load(out.bias + column) : zero();
  float* y = out.y + row * out.pitch + column;
  const float* residual = out.residual ? out.residual + row * out.pitch + column : nullptr;
  auto loop = [&](const auto& activate) HENCE_INLINE_LAMBDA {
    for (int64_t r = 0; r < rows; r++, y += out.pitch) {
      F sum = sumOf(r) + bias;
      if (residual && out.finish.residualFirst) sum = sum + load(residual + r * out.pitch);
      sum = activate(sum);
      if (residual && !out.finish.residualFirst) sum = sum + load(residual + r * out.pitch);
      store(y, sum);
    }
  };
  switch (out.finish.activation) {
    case Activation::None: return loop([](F x) { return x; });
    case Activation::Relu: return loop([](F x) { return relu(x); });
    case Activation::Silu: return loop([](F x) { return silu(x); });
    case Activation::Gelu: return loop([](F x) { return gelu(x); });
    case Activation::GeluTanh: return loop([](F x) { return geluTanh(x); });
    case Activation::Clip: return loop([low = set1(out.finish.a), high = set1(out.finish.b)](F x) { return clip(x, low, high); });
    default: return loop([&](F x) { return applyActivation(out.finish, x); });
  }
}

static void finishLines(const Output& out, int64_t row, int64_t rows, int64_t column, const float* sums);

// sums[rows][16] of sixteen columns from `column` on. Out of line, and once per panel.
static __attribute__((noinline)) void finishRows(const Output& out, int64_t row, int64_t rows, int64_t column, const float* sums) {
  if (out.lines.count > 0) return finishLines(out, row, rows, column, sums);
  finishEach(out, row, rows, column, [&](int64_t r) HENCE_INLINE_LAMBDA { return load(sums + r * kPanelColumns); });
}

// The same, line by line. There is no residual.
static __attribute__((noinline)) void finishLines(const Output& out, int64_t row, int64_t rows, int64_t column, const float* sums) {
  const OutputLines& l = out.lines;
  Output line = out;
  line.lines = {};
  for (int64_t at = l.first + row, end = at + rows; at < end;) {
    const int64_t number = at / l.count, within = at % l.count, n = l.count - within < end - at ? l.count - within : end - at;
    line.y = out.y + number / l.perImage * l.imagePitch + number % l.perImage * l.pitch + within * out.pitch;
    finishRows(line, 0, n, column, sums);
    at += n, sums += n * kPanelColumns;
  }
}

}  // namespace hence::HENCE_TARGET

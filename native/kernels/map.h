// A postfix expression over whole tensors, strip by strip: each instruction runs over 256 numbers before the next, so
// that decoding it costs nothing and intermediate strips stay in the first-level cache.
#pragma once
#include "../kernels.h"
#include "../simd.h"
#include "vector-math.h"

namespace hence::HENCE_TARGET {

constexpr int kMapStrip = 256;

// A stack entry is a pointer to kMapStrip numbers: into a full input where possible, else into its own buffer.
struct MapStack {
  const float* top[kMaxMapDepth];
  alignas(64) float buffer[kMaxMapDepth][kMapStrip];
};

// Loops over a strip rounded up to whole vectors; numbers beyond the tensor's end are computed and dropped.
template <class Function> HENCE_INLINE void mapUnary(MapStack& s, int depth, int n, const Function& f) {
  const float* a = s.top[depth - 1];
  float* y = s.buffer[depth - 1];
  for (int i = 0; i < n; i += 16) store(y + i, f(load(a + i)));
  s.top[depth - 1] = y;
}
template <class Function> HENCE_INLINE void mapBinary(MapStack& s, int& depth, int n, const Function& f) {
  depth--;
  const float *a = s.top[depth - 1], *b = s.top[depth];
  float* y = s.buffer[depth - 1];
  for (int i = 0; i < n; i += 16) store(y + i, f(load(a + i), load(b + i)));
  s.top[depth - 1] = y;
}

// Element i of a repeating input is input[i mod count].
inline void pushInput(MapStack& s, int depth, const float* input, int64_t count, int64_t begin, int n) {
  int64_t at = begin % count;
  if (n == kMapStrip && at + n <= count) {
    s.top[depth] = input + at;
    return;
  }
  float* y = s.buffer[depth];
  s.top[depth] = y;
  if (count == 1) {
    for (int i = 0; i < kMapStrip; i += 16) store(y + i, set1(input[0]));
    return;
  }
  for (int i = 0; i < n;) {
    int64_t run = count - at < n - i ? count - at : n - i;
    std::memcpy(y + i, input + at, size_t(run) * 4);
    i += int(run);
    at = 0;
  }
  for (int i = n; i < kMapStrip; i++) y[i] = 1;
}

// min and max are NaN where either operand is.
HENCE_INLINE F minOrNaN(F a, F b) { return selectNaN(a, a, min(a, b)); }
HENCE_INLINE F maxOrNaN(F a, F b) { return selectNaN(a, a, max(a, b)); }

// Squares are frequent; every other power goes to the C library.
HENCE_INLINE F power(F base, F exponent) {
  float x[16], e[16];
  store(x, base);
  store(e, exponent);
  for (int i = 0; i < 16; i++) x[i] = e[i] == 2.0f ? x[i] * x[i] : __builtin_powf(x[i], e[i]);
  return load(x);
}

inline const float* runMapStrip(const MapArgs& a, MapStack& s, int64_t begin, int n) {
  int depth = 0;
  for (int32_t pc = 0; pc < a.codeLength; pc++) {
    const uint32_t operand = a.code[pc] >> 8;
    switch (MapOp(a.code[pc] & 0xff)) {
      case MapOp::Input: pushInput(s, depth++, a.inputs[operand], a.inputCounts[operand], begin, n); break;
      case MapOp::Constant: pushInput(s, depth++, a.constants + operand, 1, begin, n); break;
      case MapOp::Add: mapBinary(s, depth, n, [](F x, F y) { return x + y; }); break;
      case MapOp::Sub: mapBinary(s, depth, n, [](F x, F y) { return x - y; }); break;
      case MapOp::Mul: mapBinary(s, depth, n, [](F x, F y) { return x * y; }); break;
      case MapOp::Div: mapBinary(s, depth, n, [](F x, F y) { return x / y; }); break;
      case MapOp::Min: mapBinary(s, depth, n, [](F x, F y) { return minOrNaN(x, y); }); break;
      case MapOp::Max: mapBinary(s, depth, n, [](F x, F y) { return maxOrNaN(x, y); }); break;
      case MapOp::Pow: mapBinary(s, depth, n, [](F x, F y) { return power(x, y); }); break;
      case MapOp::Neg: mapUnary(s, depth, n, [](F x) { return negate(x); }); break;
      case MapOp::Abs: mapUnary(s, depth, n, [](F x) { return abs(x); }); break;
      case MapOp::Sqrt: mapUnary(s, depth, n, [](F x) { return sqrt(x); }); break;
      case MapOp::Exp: mapUnary(s, depth, n, [](F x) { return exp(x); }); break;
      case MapOp::Log: mapUnary(s, depth, n, [](F x) { return log(x); }); break;
      case MapOp::Tanh: mapUnary(s, depth, n, [](F x) { return tanh(x); }); break;
      case MapOp::Sigmoid: mapUnary(s, depth, n, [](F x) { return sigmoid(x); }); break;
      case MapOp::Erf: mapUnary(s, depth, n, [](F x) { return erf(x); }); break;
      case MapOp::Relu: mapUnary(s, depth, n, [](F x) { return relu(x); }); break;
      case MapOp::Silu: mapUnary(s, depth, n, [](F x) { return silu(x); }); break;
      case MapOp::Gelu: mapUnary(s, depth, n, [](F x) { return gelu(x); }); break;
      case MapOp::GeluTanh: mapUnary(s, depth, n, [](F x) { return geluTanh(x); }); break;
      case MapOp::Count: break;
    }
  }
  return s.top[0];
}

// The result is stored only after the whole strip was read, so y may be one of the full inputs.
inline void map(const MapArgs& a, const Thread& t) {
  MapStack stack;
  Range strips = t.share((a.count + kMapStrip - 1) / kMapStrip);
  for (int64_t strip = strips.begin; strip < strips.end; strip++) {
    const int64_t begin = strip * kMapStrip;
    const int n = a.count - begin < kMapStrip ? int(a.count - begin) : kMapStrip;
    const float* result = runMapStrip(a, stack, begin, n);
    if (result != a.y + begin) std::memcpy(a.y + begin, result, size_t(n) * 4);
  }
}

}  // namespace hence::HENCE_TARGET

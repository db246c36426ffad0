// A postfix expression over whole tensors, strip by strip: each instruction runs over 256 numbers before the next, so
// that decoding it costs nothing and intermediate strips stay in the first-level cache.
#pragma once
#include "../kernels.h"
#include "../simd.h"
#include "map-functions.h"

namespace hence::HENCE_TARGET {

constexpr int kMapStrip = 256;
constexpr int kMapFixed = 8;       // constants and scalars that are spread over a strip once per call
constexpr int kMapFixedCode = 64;  // only among so many first instructions
constexpr int64_t kMapLongRow = 64;

// A stack entry is a pointer to kMapStrip numbers: into an input where possible, else into its own buffer.
struct MapStack {
  const float* top[kMaxMapDepth];
  alignas(64) float buffer[kMaxMapDepth][kMapStrip];
  alignas(64) float fixed[kMapFixed][kMapStrip];
  const float* fixedAt[kMapFixedCode];  // by place in the code; null where the operand changes
};

// Loops over a strip rounded up to whole vectors; numbers beyond the tensor's end are computed and dropped.
template <class Function> HENCE_INLINE void mapUnary(MapStack& s, int depth, int n, float* target, const Function& f) {
  const float* a = s.top[depth - 1];
  float* y = target ? target : s.buffer[depth - 1];
  for (int i = 0; i < n; i += 16) store(y + i, f(load(a + i)));
  s.top[depth - 1] = y;
}
template <class Function> HENCE_INLINE void mapBinary(MapStack& s, int& depth, int n, float* target, const Function& f) {
  depth--;
  const float *a = s.top[depth - 1], *b = s.top[depth];
  float* y = target ? target : s.buffer[depth - 1];
  for (int i = 0; i < n; i += 16) store(y + i, f(load(a + i), load(b + i)));
  s.top[depth - 1] = y;
}
HENCE_INLINE void mapWhere(MapStack& s, int& depth, int n, float* target) {
  depth -= 2;
  const float *condition = s.top[depth - 1], *a = s.top[depth], *b = s.top[depth + 1];
  float* y = target ? target : s.buffer[depth - 1];
  for (int i = 0; i < n; i += 16) store(y + i, selectEqual(load(condition + i), zero(), load(b + i), load(a + i)));
  s.top[depth - 1] = y;
}

HENCE_INLINE void spread(float* y, float value, int n) {
  for (int i = 0; i < n; i += 16) store(y + i, set1(value));
}

HENCE_INLINE int elementBytes(ElementType type) { return type == ElementType::U8 || type == ElementType::I8 ? 1 : type == ElementType::I64 ? 8 : 4; }

// n elements from index `at` on as numbers.
inline void widen(float* y, const void* input, ElementType type, int64_t at, int n) {
  switch (type) {
    case ElementType::F32: std::memcpy(y, static_cast<const float*>(input) + at, size_t(n) * 4); return;
    case ElementType::I32: for (int i = 0; i < n; i++) y[i] = float(static_cast<const int32_t*>(input)[at + i]); return;
    case ElementType::U8: for (int i = 0; i < n; i++) y[i] = float(static_cast<const uint8_t*>(input)[at + i]); return;
    case ElementType::I8: for (int i = 0; i < n; i++) y[i] = float(static_cast<const int8_t*>(input)[at + i]); return;
    case ElementType::I64: for (int i = 0; i < n; i++) y[i] = float(static_cast<const int64_t*>(input)[at + i]); return;
  }
}
inline void narrow(void* output, ElementType type, int64_t at, const float* x, int n) {
  switch (type) {
    case ElementType::F32: std::memcpy(static_cast<float*>(output) + at, x, size_t(n) * 4); return;
    case ElementType::I32: for (int i = 0; i < n; i++) static_cast<int32_t*>(output)[at + i] = int32_t(x[i]); return;
    case ElementType::U8: for (int i = 0; i < n; i++) static_cast<uint8_t*>(output)[at + i] = uint8_t(int32_t(x[i])); return;
    case ElementType::I8: for (int i = 0; i < n; i++) static_cast<int8_t*>(output)[at + i] = int8_t(int32_t(x[i])); return;
    case ElementType::I64: for (int i = 0; i < n; i++) static_cast<int64_t*>(output)[at + i] = int64_t(x[i]); return;
  }
}

// Where a strip lies: rows along the last axis, and where each input's row begins.
struct MapPlace {
  const MapArgs& a;
  const int last;
  int64_t index[kMapAxes] = {}, offset[kMaxMapInputs] = {}, stride[kMapAxes][kMaxMapInputs];

  explicit MapPlace(const MapArgs& args) : a(args), last(args.axisCount - 1) {
    for (int i = 0; i < a.inputCount; i++) {
      int64_t step = 1;
      for (int axis = last; axis >= 0; axis--) {
        const bool has = a.axes[i] >> axis & 1;
        stride[axis][i] = has ? step : 0;
        if (has) step *= a.sizes[axis];
      }
    }
  }
  void moveTo(int64_t row) {
    for (int i = 0; i < a.inputCount; i++) offset[i] = 0;
    for (int axis = last - 1; axis >= 0; axis--) {
      index[axis] = row % a.sizes[axis], row /= a.sizes[axis];
      for (int i = 0; i < a.inputCount; i++) offset[i] += index[axis] * stride[axis][i];
    }
  }
  void next() {
    for (int axis = last - 1; axis >= 0; axis--) {
      for (int i = 0; i < a.inputCount; i++) offset[i] += stride[axis][i];
      if (++index[axis] < a.sizes[axis]) return;
      for (int i = 0; i < a.inputCount; i++) offset[i] -= stride[axis][i] * a.sizes[axis];
      index[axis] = 0;
    }
  }
};

// Runs the code over n elements; push(depth, operand) puts an input on the stack.
template <class Push> HENCE_INLINE const float* runMapStrip(const MapArgs& a, MapStack& s, int n, float* result, const Push& push) {
  int depth = 0;
  for (int32_t pc = 0; pc < a.codeLength; pc++) {
    if (pc < kMapFixedCode && s.fixedAt[pc]) {
      s.top[depth++] = s.fixedAt[pc];
      continue;
    }
    const uint32_t operand = a.code[pc] >> 8;
    float* target = pc + 1 == a.codeLength ? result : nullptr;
    switch (MapOp(a.code[pc] & 0xff)) {
      case MapOp::Input: push(depth++, operand); break;
      case MapOp::Constant:
        spread(s.buffer[depth], a.constants[operand], n);
        s.top[depth] = s.buffer[depth];
        depth++;
        break;
      case MapOp::Where: mapWhere(s, depth, n, target); break;
#define HENCE_UNARY(NAME, F_OF_X) case MapOp::NAME: mapUnary(s, depth, n, target, [](F x) { return F_OF_X; }); break
#define HENCE_BINARY(NAME, F_OF_XY) case MapOp::NAME: mapBinary(s, depth, n, target, [](F x, F y) { return F_OF_XY; }); break
      HENCE_BINARY(Add, x + y);
      HENCE_BINARY(Sub, x - y);
      HENCE_BINARY(Mul, x * y);
      HENCE_BINARY(Div, x / y);
      HENCE_BINARY(Min, minOrNaN(x, y));
      HENCE_BINARY(Max, maxOrNaN(x, y));
      HENCE_BINARY(Pow, power(x, y));
      HENCE_BINARY(Fmod, eachLane(x, y, [](float u, float v) { return __builtin_fmodf(u, v); }));
      HENCE_BINARY(Less, selectLess(x, y, set1(1.0f), zero()));
      HENCE_BINARY(LessEqual, lessEqual(x, y));
      HENCE_BINARY(Equal, selectEqual(x, y, set1(1.0f), zero()));
      HENCE_UNARY(Neg, negate(x));
      HENCE_UNARY(Abs, abs(x));
      HENCE_UNARY(Sqrt, sqrt(x));
      HENCE_UNARY(Exp, exp(x));
      HENCE_UNARY(Log, log(x));
      HENCE_UNARY(Tanh, tanh(x));
      HENCE_UNARY(Sigmoid, sigmoid(x));
      HENCE_UNARY(Erf, erf(x));
      HENCE_UNARY(Floor, floor(x));
      HENCE_UNARY(Ceil, negate(floor(negate(x))));
      HENCE_UNARY(Round, round(x));
      HENCE_UNARY(Sign, sign(x));
      HENCE_UNARY(Reciprocal, set1(1.0f) / x);
      HENCE_UNARY(Expm1, expm1(x));
      HENCE_UNARY(Softplus, softplus(x));
      HENCE_UNARY(Sin, sin(x));
      HENCE_UNARY(Cos, cos(x));
      HENCE_UNARY(Tan, eachLane(x, x, [](float u, float) { return __builtin_tanf(u); }));
      HENCE_UNARY(Asin, eachLane(x, x, [](float u, float) { return __builtin_asinf(u); }));
      HENCE_UNARY(Acos, eachLane(x, x, [](float u, float) { return __builtin_acosf(u); }));
      HENCE_UNARY(Atan, eachLane(x, x, [](float u, float) { return __builtin_atanf(u); }));
      HENCE_UNARY(Sinh, eachLane(x, x, [](float u, float) { return __builtin_sinhf(u); }));
      HENCE_UNARY(Cosh, eachLane(x, x, [](float u, float) { return __builtin_coshf(u); }));
      HENCE_UNARY(Asinh, eachLane(x, x, [](float u, float) { return __builtin_asinhf(u); }));
      HENCE_UNARY(Acosh, eachLane(x, x, [](float u, float) { return __builtin_acoshf(u); }));
      HENCE_UNARY(Atanh, eachLane(x, x, [](float u, float) { return __builtin_atanhf(u); }));
      HENCE_UNARY(Relu, relu(x));
      HENCE_UNARY(Silu, silu(x));
      HENCE_UNARY(Gelu, gelu(x));
      HENCE_UNARY(GeluTanh, geluTanh(x));
#undef HENCE_UNARY
#undef HENCE_BINARY
      case MapOp::Count: break;
    }
  }
  return s.top[0];
}

// Spreads what is the same everywhere.
inline void fixOperands(const MapArgs& a, MapStack& s, int n) {
  int used = 0;
  for (int32_t pc = 0; pc < a.codeLength && pc < kMapFixedCode; pc++) {
    const uint32_t operand = a.code[pc] >> 8;
    const MapOp op = MapOp(a.code[pc] & 0xff);
    s.fixedAt[pc] = nullptr;
    const bool isScalar = op == MapOp::Input && a.axes[operand] == 0;
    if (used == kMapFixed || !(op == MapOp::Constant || isScalar)) continue;
    float value;
    if (isScalar) widen(&value, a.inputs[operand], a.types[operand], 0, 1);
    else value = a.constants[operand];
    spread(s.fixed[used], value, n);
    s.fixedAt[pc] = s.fixed[used++];
  }
}

// n elements of input `i` from `at` on; the vector they end in is filled up with ones.
HENCE_INLINE void pushElements(const MapArgs& a, MapStack& s, int depth, uint32_t i, int64_t at, int n) {
  if (n % 16 == 0 && a.types[i] == ElementType::F32) {
    s.top[depth] = static_cast<const float*>(a.inputs[i]) + at;
    return;
  }
  float* y = s.buffer[depth];
  if (n % 16) store(y + n / 16 * 16, set1(1.0f));
  widen(y, a.inputs[i], a.types[i], at, n);
  s.top[depth] = y;
}

// A strip's result is stored after its operands were read, so y may be an f32 input that does not repeat.
template <class Push> HENCE_INLINE void runAndStore(const MapArgs& a, MapStack& s, int64_t begin, int n, const Push& push) {
  float* target = n % 16 == 0 && a.type == ElementType::F32 ? static_cast<float*>(a.y) + begin : nullptr;
  const float* result = runMapStrip(a, s, n, target, push);
  if (result != target || !target) narrow(a.y, a.type, begin, result, n);
}

inline void map(const MapArgs& a, const Thread& t) {
  int64_t count = 1;
  for (int axis = 0; axis < a.axisCount; axis++) count *= a.sizes[axis];
  if (count == 0) return;
  const int64_t width = a.axisCount ? a.sizes[a.axisCount - 1] : 1, rows = count / width;
  const uint32_t all = (1u << a.axisCount) - 1;
  MapStack s;
  const bool isFlat = a.axisCount <= 1, isLong = width >= kMapLongRow;
  const int64_t stripsOfRow = (width + kMapStrip - 1) / kMapStrip;
  const Range strips = t.share(isFlat || !isLong ? (count + kMapStrip - 1) / kMapStrip : rows * stripsOfRow);
  if (strips.size() == 0) return;
  fixOperands(a, s, count < kMapStrip ? int(count + 15) & ~15 : kMapStrip);
  if (isFlat) {
    for (int64_t begin = strips.begin * kMapStrip; begin < strips.end * kMapStrip; begin += kMapStrip) {
      const int n = count - begin < kMapStrip ? int(count - begin) : kMapStrip;
      runAndStore(a, s, begin, n, [&](int depth, uint32_t i) {
        if (a.axes[i]) return pushElements(a, s, depth, i, begin, n);
        float value;
        widen(&value, a.inputs[i], a.types[i], 0, 1);
        spread(s.buffer[depth], value, n);
        s.top[depth] = s.buffer[depth];
      });
    }
    return;
  }
  MapPlace place(a);
  if (isLong) {  // strips end with their row
    place.moveTo(strips.begin / stripsOfRow);
    for (int64_t strip = strips.begin; strip < strips.end; strip++) {
      const int64_t row = strip / stripsOfRow, column = strip % stripsOfRow * kMapStrip;
      const int n = width - column < kMapStrip ? int(width - column) : kMapStrip;
      runAndStore(a, s, row * width + column, n, [&](int depth, uint32_t i) {
        if (a.axes[i] >> place.last & 1) return pushElements(a, s, depth, i, place.offset[i] + column, n);
        float value;
        widen(&value, a.inputs[i], a.types[i], place.offset[i], 1);
        spread(s.buffer[depth], value, n);
        s.top[depth] = s.buffer[depth];
      });
      if (column + n == width) place.next();
    }
    return;
  }
  for (int64_t begin = strips.begin * kMapStrip; begin < strips.end * kMapStrip; begin += kMapStrip) {  // strips cross rows
    const int n = count - begin < kMapStrip ? int(count - begin) : kMapStrip;
    runAndStore(a, s, begin, n, [&](int depth, uint32_t i) {
      if (a.axes[i] == all) return pushElements(a, s, depth, i, begin, n);
      float* y = s.buffer[depth];
      s.top[depth] = y;
      if (n % 16) store(y + n / 16 * 16, set1(1.0f));
      place.moveTo(begin / width);
      const bool runs = a.axes[i] >> place.last & 1;
      for (int64_t at = 0, first = begin % width; at < n; first = 0, place.next()) {
        const int64_t m = width - first < n - at ? width - first : n - at;
        if (runs) widen(y + at, a.inputs[i], a.types[i], place.offset[i] + first, int(m));
        else {
          float value;
          widen(&value, a.inputs[i], a.types[i], place.offset[i], 1);
          for (int64_t j = 0; j < m; j++) y[at + j] = value;
        }
        at += m;
      }
    });
  }
}

}  // namespace hence::HENCE_TARGET

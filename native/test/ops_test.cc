// Every kernel but matmul and attention, on every instruction set of this machine, against plain double precision.
#include "harness.h"

namespace hence::test {
namespace {

std::string size(int64_t rows, int64_t width) { return std::to_string(rows) + " x " + std::to_string(width); }

void testNorm(const Kernels& k) {
  Errors errors(k.name, "norm", 2e-6);
  Rng rng;
  for (NormKind kind : {NormKind::Rms, NormKind::Layer})
    for (int64_t rows : {1, 2, 5})
      for (int64_t width : {1, 7, 16, 48, 65, 576, 2048, 5632}) {
        auto x = rng.normals(size_t(rows * width), 3), weight = rng.normals(size_t(width)), bias = rng.normals(size_t(width));
        if (kind == NormKind::Layer) for (float& v : x) v += 20;  // a mean far from zero
        const bool biased = width % 2 == 0;
        std::vector<double> expected(x.size());
        for (int64_t r = 0; r < rows; r++) {
          double mean = 0, squares = 0;
          if (kind == NormKind::Layer) for (int64_t i = 0; i < width; i++) mean += double(x[r * width + i]) / double(width);
          for (int64_t i = 0; i < width; i++) squares += std::pow(x[r * width + i] - mean, 2);
          for (int64_t i = 0; i < width; i++)
            expected[r * width + i] = (x[r * width + i] - mean) / std::sqrt(squares / double(width) + 1e-3) * weight[i] + (biased ? bias[i] : 0);
        }
        std::vector<float> y(x.size());
        NormArgs args{x.data(), weight.data(), biased ? bias.data() : nullptr, y.data(), rows, width, 1e-3f, kind};
        onThreads(k.norm, args, [&](int) { errors.add(y, expected, size(rows, width)); });
      }
}

void testSoftmaxAndArgmax(const Kernels& k) {
  Errors errors(k.name, "softmax", 1e-6);
  Rng rng;
  for (int64_t rows : {1, 4})
    for (int64_t width : {1, 5, 16, 33, 1000, 1025, 49152}) {
      auto x = rng.normals(size_t(rows * width), 10);
      x[0] = -INFINITY;
      if (width == 1000) x[3] = x[500] = 77;  // the first of equals
      if (width == 33) x[1] = NAN;
      std::vector<double> expected(x.size());
      std::vector<int32_t> first(size_t(rows), 0), index(size_t(rows), -1);
      for (int64_t r = 0; r < rows; r++) {
        const float* row = x.data() + r * width;
        double largest = -INFINITY, sum = 0;
        for (int64_t i = 0; i < width; i++)
          if (row[i] > largest) largest = row[i], first[size_t(r)] = int32_t(i);
        for (int64_t i = 0; i < width; i++) sum += std::exp(row[i] - largest);
        for (int64_t i = 0; i < width; i++) expected[r * width + i] = std::exp(row[i] - largest) / sum;
      }
      std::vector<float> y(x.size());
      onThreads(k.softmax, SoftmaxArgs{x.data(), y.data(), rows, width}, [&](int) { errors.add(y, expected, size(rows, width)); });
      onThreads(k.argmax, ArgmaxArgs{x.data(), index.data(), rows, width}, [&](int) { require(index == first, k.name, "argmax " + size(rows, width)); });
    }
}

void testRope(const Kernels& k) {
  Errors table(k.name, "rotaryTable", 2e-7), errors(k.name, "rope", 1e-6);
  Rng rng;
  for (RopeStyle style : {RopeStyle::Half, RopeStyle::Interleaved})
    for (auto [headDim, half] : {std::pair{64, 32}, {128, 64}, {80, 40}, {80, 16}, {96, 48}, {10, 3}}) {
      const int heads = 3;
      const std::vector<int32_t> positions = {0, 1, 4095, 131071, 999999};
      const int64_t tokens = int64_t(positions.size());
      std::vector<float> frequencies(size_t(half), 0), turns(size_t(tokens * 2 * half));
      for (int i = 0; i < half; i++) frequencies[i] = float(std::pow(10000.0, -double(i) / half));
      std::vector<double> expectedTurns(turns.size());
      for (int64_t t = 0; t < tokens; t++)
        for (int i = 0; i < half; i++) {
          const float angle = float(positions[t]) * frequencies[i];
          expectedTurns[t * 2 * half + i] = std::cos(double(angle)) * 1.25;
          expectedTurns[t * 2 * half + half + i] = std::sin(double(angle)) * 1.25;
        }
      RotaryTableArgs tableArgs{positions.data(), frequencies.data(), turns.data(), tokens, half, 1.25f};
      onThreads(k.rotaryTable, tableArgs, [&](int) { table.add(turns, expectedTurns, size(headDim, half)); });
      auto x = rng.normals(size_t(tokens * heads * headDim));
      std::vector<double> expected(x.begin(), x.end());
      for (int64_t t = 0; t < tokens; t++)
        for (int h = 0; h < heads; h++)
          for (int i = 0; i < half; i++) {
            const int64_t head = (t * heads + h) * headDim, a = head + (style == RopeStyle::Half ? i : 2 * i), b = style == RopeStyle::Half ? a + half : a + 1;
            const double cos = turns[t * 2 * half + i], sin = turns[t * 2 * half + half + i];
            expected[a] = x[a] * cos - x[b] * sin;
            expected[b] = x[b] * cos + x[a] * sin;
          }
      std::vector<float> y(x.size(), NAN);
      RopeArgs args{x.data(), turns.data(), y.data(), tokens, heads, headDim, half, style};
      onThreads(k.rope, args, [&](int) { errors.add(y, expected, size(headDim, half)); });
      args.x = y.data();  // in place
      onThreads([&](const RopeArgs& a, const Thread& t) {
        if (t.index == 0) y = x;
        t.barrier();
        k.rope(a, t);
      }, args, [&](int) { errors.add(y, expected, size(headDim, half) + " in place"); });
    }
}

float element(const std::vector<uint8_t>& pool, KvType type, size_t i) {
  float f;
  uint16_t h;
  if (type == KvType::F32) return std::memcpy(&f, pool.data() + 4 * i, 4), f;
  std::memcpy(&h, pool.data() + 2 * i, 2);
  if (type == KvType::F16) return h & 0x7c00 ? std::ldexp(float((h & 0x3ff) | 0x400), (h >> 10 & 31) - 25) * (h >> 15 ? -1.0f : 1.0f)
                                                : std::ldexp(float(h & 0x3ff), -24) * (h >> 15 ? -1.0f : 1.0f);
  const uint32_t bits = uint32_t(h) << 16;
  return std::memcpy(&f, &bits, 4), f;
}

void testKvWrite(const Kernels& k) {
  Rng rng;
  for (KvType type : {KvType::F32, KvType::F16, KvType::BF16}) {
    const double unit = type == KvType::F32 ? 0 : type == KvType::F16 ? 1.0 / 2048 : 1.0 / 256;
    Errors errors(k.name, type == KvType::F32 ? "kvWrite f32" : type == KvType::F16 ? "kvWrite f16" : "kvWrite bf16", unit);
    for (int headDim : {8, 20, 64, 128}) {
      const int kvHeads = 3, blocks = 4, tokens = 21;
      auto key = rng.normals(size_t(tokens * kvHeads * headDim)), value = rng.normals(key.size());
      key[0] = 1e-6f, value[0] = -3e-8f;  // subnormal in f16
      std::vector<int32_t> slots(tokens);
      for (int t = 0; t < tokens; t++) slots[t] = t * 3 % 64;
      slots[20] = -1;
      std::vector<uint8_t> keys(size_t(blocks * 16 * kvHeads * headDim) * (type == KvType::F32 ? 4 : 2)), values(keys.size());
      KvWriteArgs args{key.data(), value.data(), slots.data(), keys.data(), values.data(), tokens, kvHeads, headDim, type};
      onThreads(k.kvWrite, args, [&](int) {
        for (int t = 0; t < tokens - 1; t++)
          for (int h = 0; h < kvHeads; h++)
            for (int d = 0; d < headDim; d++) {
              const size_t block = size_t((slots[t] / 16 * kvHeads + h) * headDim * 16), from = size_t((t * kvHeads + h) * headDim + d);
              errors.add(element(keys, type, block + size_t(d * 16 + slots[t] % 16)), key[from], "key");
              errors.add(element(values, type, block + size_t(slots[t] % 16 * headDim + d)), value[from], "value");
            }
      });
    }
  }
}

void testKvWriteBytes(const Kernels& k) {
  Rng rng;
  const int kvHeads = 3, blocks = 4, tokens = 21, headDim = 20;
  auto key = rng.normals(size_t(tokens * kvHeads * headDim)), value = rng.normals(key.size());
  const size_t nan = size_t((4 * kvHeads + 1) * headDim + 7), infinite = size_t((5 * kvHeads + 2) * headDim);
  value[nan] = NAN, value[infinite] = -INFINITY;
  for (int d = 0; d < headDim; d++) value[size_t(6 * kvHeads * headDim + d)] = 1e-37f;
  std::vector<int32_t> slots(tokens);
  for (int t = 0; t < tokens; t++) slots[t] = t * 3 % 64;
  slots[20] = -1;
  const size_t headBytes = size_t(kvHeadBytes(KvType::I8, headDim));
  std::vector<uint8_t> keys(size_t(blocks * kvHeads) * headBytes), values(keys.size());
  KvWriteArgs args{key.data(), value.data(), slots.data(), keys.data(), values.data(), tokens, kvHeads, headDim, KvType::I8};
  onThreads(k.kvWrite, args, [&](int) {
    for (int t = 0; t < tokens - 1; t++)
      for (int h = 0; h < kvHeads; h++) {
        const size_t head = (size_t(slots[t] / 16 * kvHeads + h)) * headBytes, from = size_t((t * kvHeads + h) * headDim);
        auto test = [&](const float* x, const std::vector<uint8_t>& pool, size_t first, size_t step, const char* what) {
          float largest = 0, scale;
          bool finite = true;
          for (int d = 0; d < headDim; d++) largest = std::fmax(largest, std::fabs(x[d])), finite &= std::isfinite(x[d]);
          std::memcpy(&scale, &pool[head + size_t(slots[t] % 16) * 4], 4);
          require(!finite ? std::isnan(scale) : scale == (largest > 1e-20f ? largest / 127 : 0), k.name, std::string(what) + ": scale");
          for (int d = 0; d < headDim; d++)
            require(int8_t(pool[head + 64 + first + size_t(d) * step]) == (scale > 0 ? int(std::nearbyint(x[d] / scale)) : 0), k.name, what);
        };
        test(&key[from], keys, size_t(slots[t] % 16), 16, "kvWrite i8 key");
        test(&value[from], values, size_t(slots[t] % 16 * headDim), 1, "kvWrite i8 value");
      }
  });
}

void testGatherRows(const Kernels& k) {
  std::vector<uint8_t> table(700), y(6 * 7);
  for (size_t i = 0; i < table.size(); i++) table[i] = uint8_t(i * 31);
  const std::vector<int32_t> ids = {99, 0, 5, 5, 42, 1};
  onThreads(k.gatherRows, GatherRowsArgs{table.data(), ids.data(), y.data(), 6, 7}, [&](int) {
    for (size_t i = 0; i < ids.size(); i++) require(std::memcmp(&y[i * 7], &table[size_t(ids[i]) * 7], 7) == 0, k.name, "gatherRows");
  });
}

uint32_t word(MapOp op, uint32_t operand = 0) { return uint32_t(op) | operand << 8; }

double applied(MapOp op, double x) {
  switch (op) {
    case MapOp::Neg: return -x;
    case MapOp::Abs: return std::fabs(x);
    case MapOp::Sqrt: return std::sqrt(x);
    case MapOp::Exp: return std::exp(x);
    case MapOp::Log: return std::log(x);
    case MapOp::Tanh: return std::tanh(x);
    case MapOp::Sigmoid: return 1 / (1 + std::exp(-x));
    case MapOp::Erf: return std::erf(x);
    case MapOp::Floor: return std::floor(x);
    case MapOp::Ceil: return std::ceil(x);
    case MapOp::Round: return std::nearbyint(x);
    case MapOp::Sign: return x > 0 ? 1 : x < 0 ? -1 : x;
    case MapOp::Reciprocal: return 1 / x;
    case MapOp::Expm1: return std::expm1(x);
    case MapOp::Softplus: return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))) + (std::isnan(x) ? x : 0);
    case MapOp::Sin: return std::sin(x);
    case MapOp::Cos: return std::cos(x);
    case MapOp::Tan: return std::tan(x);
    case MapOp::Asin: return std::asin(x);
    case MapOp::Acos: return std::acos(x);
    case MapOp::Atan: return std::atan(x);
    case MapOp::Sinh: return std::sinh(x);
    case MapOp::Cosh: return std::cosh(x);
    case MapOp::Asinh: return std::asinh(x);
    case MapOp::Acosh: return std::acosh(x);
    case MapOp::Atanh: return std::atanh(x);
    case MapOp::Relu: return x < 0 ? 0 : x;
    case MapOp::Silu: return x / (1 + std::exp(-x));
    case MapOp::Gelu: return x * std::erfc(-x / std::sqrt(2.0)) / 2;
    case MapOp::GeluTanh: return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    default: return x;
  }
}

// Errors relative to the result, so that small results count too.
void testFunctions(const Kernels& k) {
  Errors errors(k.name, "functions", 4e-7);
  std::vector<float> x = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-45f, -1e-40f, 1e38f, -1e38f, 88.7f, 88.8f, -87.4f, -103.9f, -105.0f, 0.625f, 1.0f, 9.1f};
  for (uint32_t i = 0; i < 4000; i++) {  // every magnitude, both signs
    const uint32_t bits = (i / 2) * 0x10a3d7u | i << 31;
    float f;
    std::memcpy(&f, &bits, 4);
    if (!std::isnan(f)) x.push_back(f);
  }
  for (int i = -4000; i <= 4000; i++) x.push_back(float(i) * 0.00317f);
  std::vector<float> y(x.size());
  for (uint32_t op = uint32_t(MapOp::Neg); op < uint32_t(MapOp::Count); op++) {
    const uint32_t code[] = {word(MapOp::Input, 0), word(MapOp(op))};
    MapArgs args{{x.data()}, {1}, {ElementType::F32}, nullptr, code, 2, 1, 1, {int64_t(x.size())}, y.data(), ElementType::F32};
    onThreads(k.map, args, [&](int) {
      for (size_t i = 0; i < x.size(); i++) {
        const bool gate = MapOp(op) >= MapOp::Silu;  // x times a probability: exact relative to x
        if (gate && std::isinf(x[i])) continue;      // 0 · infinity
        const double exact = applied(MapOp(op), x[i]), unit = gate ? std::fabs(x[i]) : std::fabs(exact);
        const float expected = float(exact);
        const std::string at = "op " + std::to_string(op) + " of " + std::to_string(x[i]);
        if (unit > 1e-30 && std::isfinite(expected)) errors.add((y[i] - exact) / unit, 0, at);
        else errors.add(y[i], expected, at);
      }
    });
  }
}

void testMap(const Kernels& k) {
  Errors errors(k.name, "map", 1e-6);
  Rng rng;
  for (int64_t count : {1, 15, 255, 256, 1000, 3001, 100 * 77}) {
    const int64_t width = count == 3001 ? 1 : count % 77 == 0 ? 77 : count % 5 == 0 ? 5 : 1;
    auto a = rng.normals(size_t(count)), b = rng.normals(size_t(count)), row = rng.normals(size_t(width));
    const std::vector<float> constants = {0.5f, 2.0f, 1.7f};
    // max(min((a + row)² - b · 0.5, a / (b² + 1.7)), -|b|^1.7)
    const uint32_t code[] = {
        word(MapOp::Input, 0), word(MapOp::Input, 2), word(MapOp::Add), word(MapOp::Constant, 1), word(MapOp::Pow), word(MapOp::Input, 1),
        word(MapOp::Constant, 0), word(MapOp::Mul), word(MapOp::Sub), word(MapOp::Input, 0), word(MapOp::Input, 1), word(MapOp::Input, 1),
        word(MapOp::Mul), word(MapOp::Constant, 2), word(MapOp::Add), word(MapOp::Div), word(MapOp::Min), word(MapOp::Input, 1), word(MapOp::Abs),
        word(MapOp::Constant, 2), word(MapOp::Pow), word(MapOp::Neg), word(MapOp::Max)};
    if (count > 10) a[7] = NAN;
    std::vector<double> expected(a.size());
    for (size_t i = 0; i < a.size(); i++) {
      const double r = row[i % size_t(width)], x = std::pow(a[i] + r, 2) - b[i] * 0.5, y = a[i] / (b[i] * b[i] + 1.7), z = -std::pow(std::fabs(b[i]), 1.7);
      expected[i] = std::isnan(x) || std::isnan(y) ? NAN : std::fmax(std::fmin(x, y), z);
    }
    std::vector<float> y(a.size());
    MapArgs args{{a.data(), b.data(), row.data()}, {3, 3, 2}, {}, constants.data(), code, int32_t(std::size(code)), 3, 2, {count / width, width}, y.data(), ElementType::F32};
    onThreads(k.map, args, [&](int) { errors.add(y, expected, std::to_string(count)); });
    args.inputs[0] = y.data();  // in place
    onThreads([&](const MapArgs& m, const Thread& t) {
      if (t.index == 0) y = a;
      t.barrier();
      k.map(m, t);
    }, args, [&](int) { errors.add(y, expected, std::to_string(count) + " in place"); });
  }
}

}  // namespace
}  // namespace hence::test

int main(int argc, char** argv) {
  using namespace hence::test;
  return forEachTarget(argc, argv, [](const hence::Kernels& k) {
    testFunctions(k);
    testMap(k);
    testNorm(k);
    testSoftmaxAndArgmax(k);
    testRope(k);
    testKvWrite(k);
    testKvWriteBytes(k);
    testGatherRows(k);
  });
}

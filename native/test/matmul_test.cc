// Every matmul kernel of every instruction set of this machine against f64 sums over the unpacked weights.
//
//   matmul-test [--target NAME] [--threads N]     checks; exits 1 when a bound is exceeded
//   matmul-test --time [--target NAME] [--layout NAME] [--threads N] [--shape K,N]
//   matmul-test --cpu-time --threads 1 ...        the same in processor time
//
// Errors are measured against the length of the products' vector, sqrt(sum (w x)^2): what a sum of products with random
// signs would be. Workspace and outputs begin as NaN, and words behind them must stay as they were.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "../kernels.h"
#include "../pack.h"
#include "../source-formats.h"
#include "random-matrix.h"

using namespace hence;
using namespace hence::test;

namespace {

// Root mean square of the error over all outputs of a variant, and the largest single one.
struct Bound { double rms, single; };
constexpr Bound kExactBound{4e-7, 8e-6};
constexpr Bound kInt8Bound{9e-3, 0.12};
constexpr Bound kTilesBound{6e-2, 3};  // one scale per 512 k: groups of very different size, as here, are its worst case

// f64 products and the lengths that errors are measured against.
struct Reference {
  std::vector<double> sum, length;  // [rows, n]
  Reference(const PackedMatrix& w, const float* x, int rows) : sum(size_t(rows) * w.n), length(sum.size()) {
    std::vector<float> column(size_t(w.k));
    for (int c = 0; c < w.n; c++) {
      unpackRow(w, c, column.data());
      for (int r = 0; r < rows; r++) {
        double s = 0, l = 0;
        for (int i = 0; i < w.k; i++) {
          const double product = double(column[size_t(i)]) * double(x[size_t(r) * w.k + i]);
          s += product;
          l += product * product;
        }
        sum[size_t(r) * w.n + c] = s;
        length[size_t(r) * w.n + c] = std::sqrt(l);
      }
    }
  }
};

double activated(Activation a, double x) {
  switch (a) {
    case Activation::None: return x;
    case Activation::Relu: return std::max(0.0, x);
    case Activation::Silu: return x / (1 + std::exp(-x));
    case Activation::Gelu: return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::GeluTanh: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::Sigmoid: return 1 / (1 + std::exp(-x));
    case Activation::Tanh: return std::tanh(x);
    default: break;
  }
  return 0;
}

struct Error {
  double squares = 0, largest = 0;
  int64_t count = 0;
  void add(double difference, double length) {
    double e = difference == 0 ? 0 : std::fabs(difference) / length;
    if (!(e < 1e30)) e = 1e30;
    squares += e * e;
    largest = std::max(largest, e);
    count++;
  }
  double rms() const { return count ? std::sqrt(squares / double(count)) : 0; }
};

struct Options {
  std::string target, layout;
  int threads = 0, k = 2048, n = 5632;
  bool time = false;
};

int failures = 0;
void fail(const std::string& what) {
  if (failures++ < 20) std::printf("  WRONG: %s\n", what.c_str());
}

struct Run {
  const Kernels& kernels;
  Pool& pool;
  MatmulArgs args{};
  std::vector<std::vector<float>> y;

  void operator()() {
    const size_t bytes = kernels.matmulWorkspace(args.rows, args.k, 0, pool.size());
    uint8_t* workspace = alignedBytes(bytes + 64, 0xff);
    args.workspace = workspace;
    pool.run(pool.size(), [&](const Thread& t) { kernels.matmul(args, t); });
    for (int i = 0; i < 64; i++)
      if (workspace[bytes + size_t(i)] != 0xff) fail("written behind the workspace");
    std::free(workspace);
  }
};

struct Errors { Error exact, int8, tiles; };

const Activation kActivations[] = {Activation::None, Activation::Relu, Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Sigmoid, Activation::Tanh};
const int kRows[] = {1, 2, 3, 5, 8, 9, 17, 32, 33, 100};
constexpr int kMaxRows = 100;
constexpr float kCanary = 12345.0f;

// Runs one combination of matrices and compares; every third rows count has no extras, others bias, activation or residual.
void check(const Kernels& kernels, Pool& pool, const std::vector<const Matrix*>& matrices, const std::vector<const Reference*>& references,
           const float* x, int rows, Precision precision, int variant, Errors& errors, const std::string& name, std::vector<float>* firstRow = nullptr) {
  Run run{kernels, pool, {}, {}};
  MatmulArgs& args = run.args;
  args.x = x, args.rows = rows, args.k = matrices[0]->w.k, args.count = int(matrices.size()), args.precision = precision;
  args.finish = {variant % 3 == 1 ? kActivations[variant % 7] : Activation::None, 0, 0, false};
  const bool residual = variant % 3 == 2 && args.count == 1, bias = variant % 2 == 1;
  std::vector<std::vector<float>> biases;
  std::vector<float> before;
  for (const Matrix* m : matrices) {
    auto& y = run.y.emplace_back(size_t(rows) * m->w.n + 16, NAN);
    std::fill(y.end() - 16, y.end(), kCanary);
    auto& b = biases.emplace_back(size_t(m->w.n));
    for (float& v : b) v = gaussian();
  }
  if (residual) {
    for (size_t i = 0; i + 16 < run.y[0].size(); i++) run.y[0][i] = gaussian();
    before = run.y[0];
  }
  for (int i = 0; i < args.count; i++) {
    args.w[i] = matrices[size_t(i)]->w;
    args.y[i] = run.y[size_t(i)].data();
    args.bias[i] = bias ? biases[size_t(i)].data() : nullptr;
  }
  args.residual = residual ? args.y[0] : nullptr;
  run();
  for (int i = 0; i < args.count; i++) {
    const PackedMatrix& w = args.w[i];
    const Reference& reference = *references[size_t(i)];
    const bool exact = precision == Precision::Exact || (isFloat(w.layout) && (rows < 32 || std::string(kernels.name) != "amx"));
    const bool tiles = !exact && rows >= 32 && std::string(kernels.name) == "amx";
    Error here;
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < w.n; c++) {
        const size_t at = size_t(r) * w.n + c;
        const double added = bias ? biases[size_t(i)][size_t(c)] : 0, rest = residual ? before[at] : 0;
        const double expected = activated(args.finish.activation, reference.sum[at] + added) + rest;
        // The last roundings are relative to what was added up, not to the products.
        const double roundings = 3e-7 * (std::fabs(reference.sum[at]) + std::fabs(added) + std::fabs(rest) + std::fabs(expected));
        const double difference = std::max(0.0, std::fabs(args.y[i][at] - expected) - roundings) + (std::isnan(args.y[i][at]) ? NAN : 0);
        here.add(difference, reference.length[at] + 1e-30);
      }
    Error& all = exact ? errors.exact : tiles ? errors.tiles : errors.int8;
    all.squares += here.squares, all.count += here.count, all.largest = std::max(all.largest, here.largest);
    const Bound bound = exact ? kExactBound : tiles ? kTilesBound : kInt8Bound;
    if (!(here.largest <= bound.single))
      fail(std::string(kernels.name) + " " + name + (precision == Precision::Exact ? " exact" : " fast") + " rows " + std::to_string(rows) + " n " + std::to_string(w.n) + " k " + std::to_string(w.k) +
           " variant " + std::to_string(variant) + ": error " + std::to_string(here.largest));
    for (int c = 0; c < 16; c++)
      if (args.y[i][size_t(rows) * w.n + c] != kCanary) fail(std::string(kernels.name) + " " + name + ": written behind y");
  }
  if (firstRow) firstRow->assign(args.y[0], args.y[0] + args.w[0].n);
}

std::vector<float> randomX(int rows, int k) {
  std::vector<float> x(size_t(rows) * size_t(k));
  for (float& v : x) v = gaussian();
  if (rows > 2) std::fill_n(x.begin() + k, std::min(k, 40), 0.0f);  // a group of zeros
  return x;
}

void checkTarget(const Kernels& kernels, const Options& options) {
  Pool one(1), two(2), three(3);
  Pool* pools[] = {&one, &two, &three};
  Errors total;
  std::printf("%s\n", kernels.name);
  for (const Case& c : kCases) {
    if (!options.layout.empty() && options.layout != c.name) continue;
    Errors errors;
    for (int k : {32, 48, 160, 256, 2048})
      for (int n : {1, 7, 16, 100, 513}) {
        if (c.source != kNoSource && k % sourceBlock(c.source).k != 0) continue;
        if (k == 2048 && n == 100) continue;
        randomBits.seed(uint32_t(k * 1000 + n));
        const Matrix matrix(c, n, k);
        const std::vector<float> x = randomX(kMaxRows, k);
        const Reference reference(matrix.w, x.data(), kMaxRows);
        for (Precision precision : {Precision::Exact, Precision::Fast}) {
          std::vector<float> alone, batch;
          for (int i = 0; i < int(std::size(kRows)); i++)
            check(kernels, *pools[(i + n) % 3], {&matrix}, {&reference}, x.data(), kRows[i], precision, i + n, errors, c.name);
          if (precision == Precision::Fast) continue;
          check(kernels, one, {&matrix}, {&reference}, x.data(), 1, precision, 0, errors, c.name, &alone);
          check(kernels, two, {&matrix}, {&reference}, x.data(), 33, precision, 0, errors, c.name, &batch);
          if (alone != batch) fail(std::string(kernels.name) + " " + c.name + ": exact rows depend on the batch");
        }
      }
    std::printf("  %-12s exact %.1e (max %.1e)  int8 %.4f (max %.3f)  tiles %.4f (max %.3f)\n", c.name, errors.exact.rms(), errors.exact.largest,
                errors.int8.rms(), errors.int8.largest, errors.tiles.rms(), errors.tiles.largest);
    if (errors.exact.rms() > kExactBound.rms || errors.int8.rms() > kInt8Bound.rms || errors.tiles.rms() > kTilesBound.rms)
      fail(std::string(kernels.name) + " " + c.name + ": root mean square over its bound");
  }
  // Fused matrices of mixed layouts and sizes share their activations.
  const int k = 512, sizes[] = {100, 16, 513, 7};
  for (size_t first = 0; first < std::size(kCases); first++) {
    std::vector<Matrix*> owned;
    std::vector<const Matrix*> matrices;
    std::vector<const Reference*> references;
    const std::vector<float> x = randomX(kMaxRows, k);
    const int count = 2 + int(first % 3);
    for (int i = 0; i < count; i++) {
      matrices.push_back(new Matrix(kCases[(first + size_t(i) * 5) % std::size(kCases)], sizes[i], k));
      references.push_back(new Reference(matrices.back()->w, x.data(), kMaxRows));
    }
    for (Precision precision : {Precision::Exact, Precision::Fast})
      for (int i = 0; i < int(std::size(kRows)); i++) check(kernels, *pools[i % 3], matrices, references, x.data(), kRows[i], precision, i, total, std::string("fused with ") + kCases[first].name);
    for (auto* m : matrices) delete m;
    for (auto* r : references) delete r;
  }
}

void checkBlocksOfRows(const Kernels& kernels) {  // more rows than one block, and the gather
  const Case& c = kCases[3];
  const int k = 64, n = 20, rows = 2100;
  const Matrix matrix(c, n, k);
  const std::vector<float> x = randomX(rows, k);
  const Reference reference(matrix.w, x.data(), rows);
  Pool pool(2);
  Errors errors;
  for (Precision precision : {Precision::Exact, Precision::Fast})
    for (int variant : {0, 2, 5}) check(kernels, pool, {&matrix}, {&reference}, x.data(), rows, precision, variant, errors, "blocks of rows");
  const int32_t ids[] = {19, 0, 7};
  std::vector<float> y(3 * k), expected(k);
  GatherArgs args{matrix.w, ids, y.data(), 3};
  pool.run(2, [&](const Thread& t) { kernels.gather(args, t); });
  for (int i = 0; i < 3; i++) {
    unpackRow(matrix.w, ids[i], expected.data());
    if (std::memcmp(expected.data(), y.data() + i * k, size_t(k) * 4) != 0) fail("gather");
  }
}

void checkMxfp4() {  // both layouts hold the same values
  const std::vector<uint8_t> rows = randomRows(SourceType::MXFP4, 16, 128);
  std::vector<float> values(128), expected(128);
  for (Layout layout : {Layout::I8, Layout::F32}) {
    uint8_t* packed = alignedBytes(packedBytes(layout, 16, 128), 0);
    packRows(SourceType::MXFP4, layout, rows.data(), 0, 16, 16, 128, packed);
    for (int r = 0; r < 16; r++) {
      decodeMxfp4(rows.data() + r * 4 * 17, 4, expected.data());
      unpackRow({packed, layout, 16, 128}, r, values.data());
      if (values != expected) fail("mxfp4 is not exact");
    }
    std::free(packed);
  }
  if (layoutFor(SourceType::MXFP4, rows.data(), rows.size()) != Layout::I8) fail("mxfp4 layout");
}

bool cpuTime = false;  // of the process: on a busy machine the better measure of one thread's work
double seconds() {
  timespec now;
  clock_gettime(cpuTime ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

template <class Body> double best(int runs, const Body& body) {
  double least = 1e30;
  for (int i = 0; i < runs; i++) {
    const double start = seconds();
    body();
    least = std::min(least, seconds() - start);
  }
  return least;
}

// Distinct copies of the weights, so that they come from memory as in a model.
void timeTarget(const Kernels& kernels, const Options& options) {
  Pool pool(options.threads ? options.threads : 2);
  const int k = options.k, n = options.n, maxRows = 512;
  const std::vector<float> x = randomX(maxRows, k);
  std::vector<float> y(size_t(maxRows) * n);
  uint8_t* workspace = alignedBytes(kernels.matmulWorkspace(maxRows, k, n, pool.size()), 0);
  std::printf("%s, %d threads, K %d, N %d\n", kernels.name, pool.size(), k, n);
  for (Precision precision : {Precision::Exact, Precision::Fast}) {
    double operations = 0;
    const double s = best(5, [&] { pool.run(1, [&](const Thread& t) { operations = kernels.peakFlops(precision, t); }); });
    std::printf("  %s peak %.0f G/s per thread\n", precision == Precision::Exact ? "exact" : "fast", operations / s / 1e9);
  }
  for (const Case& c : kCases) {
    if (!options.layout.empty() && options.layout != c.name) continue;
    if (c.source == kNoSource) continue;
    const Matrix matrix(c, n, k);
    const size_t bytes = packedBytes(c.layout, n, k), copies = std::max<size_t>(1, (size_t(300) << 20) / bytes);
    uint8_t* all = alignedBytes(bytes * copies + 65536, 0);
    for (size_t i = 0; i < copies; i++) std::memcpy(all + i * bytes, matrix.packed, bytes);
    const double read = best(5, [&] { pool.run(pool.size(), [&](const Thread& t) { kernels.streamRead(all, bytes * copies, t); }); });
    const double pack = c.source == kNoSource ? 0 : best(2, [&] { packRows(c.source, c.layout, matrix.rows.data(), 0, n, n, k, matrix.packed); });
    std::printf("  %-12s %.1f MB, read %.1f GB/s, packs at %.2f GB/s\n", c.name, double(bytes) / 1e6, double(bytes * copies) / read / 1e9, double(bytes) / pack / 1e9);
    for (Precision precision : {Precision::Fast, Precision::Exact})
      for (int rows : {1, 2, 4, 8, 12, 16, 24, 32, 128, 512}) {
        MatmulArgs args{};
        args.x = x.data(), args.rows = rows, args.k = k, args.count = 1, args.y[0] = y.data(), args.precision = precision, args.workspace = workspace;
        size_t next = 0;
        const size_t turns = rows <= 32 ? copies : 1;
        const double s = best(rows <= 32 ? 3 : 6, [&] {
          for (size_t i = 0; i < turns; i++, next = (next + 1) % copies) {
            args.w[0] = {all + next * bytes, c.layout, n, k};
            pool.run(pool.size(), [&](const Thread& t) { kernels.matmul(args, t); });
          }
        }) / double(turns);
        std::printf("    %s rows %-4d %8.1f us  %5.1f GB/s  %6.0f GFLOP/s\n", precision == Precision::Fast ? "fast " : "exact", rows, s * 1e6, double(bytes) / s / 1e9, 2e-9 * rows * n * k / s);
      }
    std::free(all);
  }
  std::free(workspace);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string arg = argv[i];
    if (arg == "--time") options.time = true;
    else if (arg == "--cpu-time") options.time = cpuTime = true;
    else if (arg == "--target" && i + 1 < argc) options.target = argv[++i];
    else if (arg == "--layout" && i + 1 < argc) options.layout = argv[++i];
    else if (arg == "--threads" && i + 1 < argc) options.threads = std::atoi(argv[++i]);
    else if (arg == "--shape" && i + 1 < argc && std::sscanf(argv[++i], "%d,%d", &options.k, &options.n) == 2) continue;
    else return std::printf("unknown option %s\n", arg.c_str()), 2;
  }
  checkMxfp4();
  for (int i = 0; i < kTargetCount; i++) {
    const Target& target = kTargets[i];
    if (!options.target.empty() && options.target != target.name) continue;
    if (!target.supported()) {
      std::printf("%s: not on this machine\n", target.name);
      continue;
    }
    if (options.time) {
      timeTarget(*target.kernels(), options);
      continue;
    }
    checkTarget(*target.kernels(), options);
    checkBlocksOfRows(*target.kernels());
  }
  if (failures) std::printf("%d failures\n", failures);
  else if (!options.time) std::puts("all within bounds");
  return failures != 0;
}

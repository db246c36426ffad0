// What the kernel tests share: random data, the loop over instruction sets and thread counts, and comparison with a
// reference computed in double precision.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../kernels.h"
#include "../pool.h"

namespace hence::test {

inline int failures = 0;

struct Rng {
  uint64_t state = 0x9e3779b97f4a7c15;
  uint32_t next() {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return uint32_t(state >> 32);
  }
  int below(int n) { return int(next() % uint32_t(n)); }
  float uniform() { return float(next() >> 8) / float(1 << 24); }
  float normal() {  // near enough: twelve uniform numbers
    float sum = -6;
    for (int i = 0; i < 12; i++) sum += uniform();
    return sum;
  }
  std::vector<float> normals(size_t n, float scale = 1) {
    std::vector<float> x(n);
    for (float& v : x) v = normal() * scale;
    return x;
  }
};

// Largest error of a kernel over all its cases. An error is |y - expected| / (1 + |expected|) unless said otherwise.
class Errors {
 public:
  Errors(const char* target, const char* kernel, double tolerance) : target_(target), kernel_(kernel), tolerance_(tolerance) {}
  ~Errors() {
    std::printf("%-11s %-22s largest error %.2g of %.2g%s%s\n", target_, kernel_, worst_, tolerance_, worst_ <= tolerance_ ? "" : "  FAILED at ", worstAt_.c_str());
    if (!(worst_ <= tolerance_)) failures++;
  }
  void add(double y, double expected, const std::string& at) {
    if (std::isnan(expected) ? std::isnan(y) : y == expected) return;
    double error = std::fabs(y - expected) / (1 + std::fabs(expected));
    if (error > worst_ || std::isnan(error)) {
      worst_ = std::isnan(error) ? INFINITY : error;
      if (worst_ > tolerance_) worstAt_ = at;
    }
  }
  void add(const std::vector<float>& y, const std::vector<double>& expected, const std::string& at) {
    for (size_t i = 0; i < y.size(); i++) add(y[i], expected[i], at + " [" + std::to_string(i) + "]");
  }

 private:
  const char *target_, *kernel_;
  double tolerance_, worst_ = 0;
  std::string worstAt_;
};

inline void require(bool held, const char* target, const std::string& what) {
  if (held) return;
  std::printf("%-11s FAILED: %s\n", target, what.c_str());
  failures++;
}

// Calls test(kernels) for every instruction set of this machine, or only for the one named on the command line.
template <class Test> int forEachTarget(int argc, char** argv, const Test& test) {
  for (int i = 0; i < kTargetCount; i++)
    if (kTargets[i].supported() && (argc < 2 || std::strcmp(argv[1], kTargets[i].name) == 0)) test(*kTargets[i].kernels());
  if (failures) std::printf("%d failed\n", failures);
  return failures ? 1 : 0;
}

// Runs a kernel on 1, 2 and 3 threads in turn and hands each result to check(threads).
template <class Kernel, class Args, class Check> void onThreads(Kernel kernel, const Args& args, const Check& check) {
  static Pool pool(3);
  for (int threads = 1; threads <= 3; threads++) {
    pool.run(threads, [&](const Thread& t) { kernel(args, t); });
    check(threads);
  }
}

}  // namespace hence::test

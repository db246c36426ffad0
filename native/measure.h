// What this machine can do: read bandwidth and arithmetic peak, measured with the kernels' own instructions.
#pragma once
#include <chrono>

#include "kernels.h"

namespace hence {

template <class Body> double secondsOf(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Bytes per second of reading `bytes` bytes of fresh memory with all threads; the best of `rounds`.
double measureBandwidth(Pool& pool, const Kernels& kernels, size_t bytes, int rounds);

// Operations per second (a multiply-add counts two) of the densest instruction a precision uses, best of `rounds` bursts.
double measurePeak(Pool& pool, const Kernels& kernels, Precision precision, int rounds);

}  // namespace hence

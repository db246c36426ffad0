#include "pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hence {

namespace {

// Kernels of one step follow each other within microseconds, so a barrier spins about that long before it sleeps.
#ifndef HENCE_BARRIER_SPINS  // a test sleeps at once
#define HENCE_BARRIER_SPINS 4000
#endif
constexpr int kBarrierSpins = HENCE_BARRIER_SPINS;

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t floatMode() {
#if defined(__x86_64__)
  return _mm_getcsr();
#elif defined(__aarch64__)
  uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  return fpcr;
#endif
}

void setFloatMode(uint64_t mode) {
#if defined(__x86_64__)
  _mm_setcsr(uint32_t(mode));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(mode));
#endif
}

// Numbers below the normal range become 0 on compute threads: exponentials of far-off scores would otherwise cost a
// hundred cycles each, for results that vanish beside any other.
void flushDenormals() {
#if defined(__x86_64__)
  setFloatMode(floatMode() | 0x8040);
#elif defined(__aarch64__)
  setFloatMode(floatMode() | uint64_t(1) << 24);
#endif
}

}  // namespace

WithoutDenormals::WithoutDenormals() : before_(floatMode()) { flushDenormals(); }
WithoutDenormals::~WithoutDenormals() { setFloatMode(before_); }

Pool::Pool(int size) : size_(size < 1 ? 1 : size), claims_(size_t(size_ + 1) / 2) {
  flushDenormals();
  for (int i = 1; i < size_; i++) workers_.emplace_back([this, i] { work(i); });
}

Pool::~Pool() {
  stopping_ = true;
  round_.fetch_add(1);
  round_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Pool::run(int threads, Job job, const void* body) {
  if (threads > size_) threads = size_;
  if (threads <= 1) return job(body, Thread{0, 1, this});
  job_ = job;
  body_ = body;
  jobThreads_ = threads;
  running_.store(uint32_t(size_ - 1));
  round_.fetch_add(1);
  round_.notify_all();
  job(body, Thread{0, threads, this});
  // What is waited on is the number that was seen: loaded again it may be 0, which nothing ever changes.
  uint32_t running = running_.load(std::memory_order_acquire);
  for (int spin = 0; running != 0; spin++) {
    if (spin < kBarrierSpins) relax();
    else running_.wait(running);
    running = running_.load(std::memory_order_acquire);
  }
}

void Pool::work(int index) {
  flushDenormals();
  uint32_t seen = 0;
  for (;;) {
    round_.wait(seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_) return;
    if (index < jobThreads_) job_(body_, Thread{index, jobThreads_, this});
    if (running_.fetch_sub(1) == 1) running_.notify_all();
  }
}

void Pool::barrier(int threads, void (*idle)(const void*), const void* state) {
  const uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1) + 1 == uint32_t(threads)) {
    arrived_.store(0, std::memory_order_relaxed);
    for (Claims& claims : claims_) claims.count.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1);  // sequentially consistent with `sleepers_`: a sleeper is never missed
    if (sleepers_.load()) generation_.notify_all();
    return;
  }
  for (int spin = 0; spin < kBarrierSpins; spin++) {
    if (generation_.load(std::memory_order_acquire) != generation) return;
    if (idle) idle(state);
    relax();
  }
  sleepers_.fetch_add(1);
  while (generation_.load() == generation) generation_.wait(generation);
  sleepers_.fetch_sub(1);
}

}  // namespace hence

// Threads that walk a program together. One parallel region runs a whole step: every thread calls every kernel, each
// kernel works on its share, and a barrier separates kernels whose data depend on each other.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace hence {

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

class Pool;

// One thread's place in a parallel region. `count` may be less than the pool's size: small steps run on one thread.
struct Thread {
  int index, count;
  Pool* pool;  // may be null for a single thread
  // Waits until all threads of the region have arrived; everything written before is visible after.
  __attribute__((always_inline)) inline void barrier() const;
  // The same; until the others arrive, idle() is called again and again. It must be short.
  template <class Idle> __attribute__((always_inline)) inline void barrier(const Idle& idle) const;
  // Counts up from 0 since the last barrier, together with the thread's neighbour: threads 0 and 1, 2 and 3, ...
  __attribute__((always_inline)) inline int32_t claim() const;
  // This thread's contiguous part of n items.
  __attribute__((always_inline)) Range share(int64_t n) const { return {n * index / count, n * (index + 1) / count}; }
};

// While it lives, its thread treats numbers below the normal range as 0, as pool threads always do.
class WithoutDenormals {
 public:
  WithoutDenormals();
  ~WithoutDenormals();
  WithoutDenormals(const WithoutDenormals&) = delete;

 private:
  const uint64_t before_;
};

class Pool {
 public:
  // The calling thread becomes thread 0 of every region. Pool threads treat numbers below the normal range as 0.
  explicit Pool(int size);
  ~Pool();
  int size() const { return size_; }
  // Runs body on the calling thread and on threads-1 workers; returns when all have finished. Not reentrant.
  template <class Body> void run(int threads, const Body& body) {
    run(threads, [](const void* b, const Thread& t) { (*static_cast<const Body*>(b))(t); }, &body);
  }
  void barrier(int threads, void (*idle)(const void*), const void* state);
  int32_t claim(int pair) { return claims_[size_t(pair)].count.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct alignas(64) Claims {
    std::atomic<int32_t> count{0};
  };

  using Job = void (*)(const void*, const Thread&);
  void run(int threads, Job job, const void* body);
  void work(int index);

  const int size_;
  std::vector<std::thread> workers_;
  std::vector<Claims> claims_;
  // A job is published by raising `round_`; workers of the region count down `running_`.
  std::atomic<uint32_t> round_{0};
  std::atomic<uint32_t> running_{0};
  int jobThreads_ = 0;
  Job job_ = nullptr;
  const void* body_ = nullptr;
  bool stopping_ = false;
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> generation_{0};
  std::atomic<uint32_t> sleepers_{0};
};

__attribute__((always_inline)) inline void Thread::barrier() const {
  if (count > 1) pool->barrier(count, nullptr, nullptr);
}

template <class Idle> __attribute__((always_inline)) inline void Thread::barrier(const Idle& idle) const {
  if (count > 1) pool->barrier(count, [](const void* state) { (*static_cast<const Idle*>(state))(); }, &idle);
}

__attribute__((always_inline)) inline int32_t Thread::claim() const { return pool->claim(index / 2); }

}  // namespace hence

// A pool of threads that takes jobs in order from the JavaScript thread. The first of them, the leader, waits for jobs
// and is thread 0 of every parallel region, so the event loop never computes.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "kernels.h"

namespace hence {

class Device {
 public:
  Device(int threads, const Kernels& kernels) : kernels(kernels), threads_(threads), leader_([this] { lead(); }) {}
  ~Device() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    leader_.join();
  }

  void submit(std::function<void(Pool&)> job) {
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

  int threads() const { return threads_; }
  const Kernels& kernels;

 private:
  void lead() {
    Pool pool(threads_);
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;  // queued jobs are finished even when stopping
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job(pool);
      lock.lock();
    }
  }

  const int threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void(Pool&)>> jobs_;
  bool stopping_ = false;
  std::thread leader_;  // last: starts when everything above is there
};

}  // namespace hence

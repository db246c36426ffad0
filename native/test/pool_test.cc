// Regions whose two threads finish at about the same moment, a little apart each time, on a pool that sleeps at once: a leader
// that misses its worker's last word waits for it forever.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "../pool.h"

namespace {

using Clock = std::chrono::steady_clock;

void spin(int64_t nanoseconds) {
  const auto end = Clock::now() + std::chrono::nanoseconds(nanoseconds);
  while (Clock::now() < end) {}
}

}  // namespace

int main() {
  hence::Pool pool(2);
  uint32_t random = 1;
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  int regions = 0;
  for (; Clock::now() < deadline && regions < 400'000; regions++) {
    random = random * 1664525 + 1013904223;
    const int64_t leaderNanoseconds = 500 + (random >> 16) % 400;
    std::atomic<bool> hasStarted{false};
    pool.run(2, [&](const hence::Thread& thread) {
      if (thread.index == 1) {
        hasStarted = true;
        spin(700);
      } else {
        while (!hasStarted) {}
        spin(leaderNanoseconds);
      }
    });
  }
  std::printf("%d regions\n", regions);
}

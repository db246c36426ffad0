// Prints how many bf16 multiply-adds a second N threads reach in the matrix unit (AMX) when nothing is loaded or stored, in
// floating-point operations: what a prompt's arithmetic is measured against. Best of many short runs.
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr int kRepeats = 100000, kProducts = 4, kRuns = 20;
constexpr double kFlopsOfProduct = 2.0 * 16 * 16 * 32;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {};
  uint8_t rows[16] = {};
};

// Two tiles on either side make four independent sums, as in a real product.
void multiply() {
  TileConfig config;
  for (int tile = 0; tile < 8; tile++) config.columnBytes[tile] = 64, config.rows[tile] = 16;
  _tile_loadconfig(&config);
  alignas(64) uint16_t ones[16 * 32];
  for (uint16_t& one : ones) one = uint16_t(0x3f00 | (std::rand() & 0xff));
  _tile_loadd(0, ones, 64); _tile_loadd(1, ones, 64); _tile_loadd(2, ones, 64); _tile_loadd(3, ones, 64);
  _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);
  for (int i = 0; i < kRepeats; i++) {
    _tile_dpbf16ps(4, 0, 2); _tile_dpbf16ps(5, 0, 3);
    _tile_dpbf16ps(6, 1, 2); _tile_dpbf16ps(7, 1, 3);
  }
  _tile_release();
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const long requestPermission = 0x1023, tileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (syscall(SYS_arch_prctl, requestPermission, tileData) != 0) return std::puts("0"), 0;
  double best = 0;
  for (int run = 0; run < kRuns; run++) {
    std::atomic<int> ready{0};
    const size_t members = size_t(threads);
    std::vector<double> begun(members), ended(members);
    std::vector<std::thread> team;
    for (int t = 0; t < threads; t++)
      team.emplace_back([&, t] {
        ready++;
        while (ready < threads) {}
        begun[size_t(t)] = seconds();
        multiply();
        ended[size_t(t)] = seconds();
      });
    for (std::thread& thread : team) thread.join();
    const double took = *std::max_element(ended.begin(), ended.end()) - *std::min_element(begun.begin(), begun.end());
    best = std::max(best, threads * double(kRepeats) * kProducts * kFlopsOfProduct / took);
  }
  std::printf("%.0f\n", best);
}

#include "measure.h"

#include <cstring>
#include <memory>

#include "region.h"

namespace hence {

double measureBandwidth(Pool& pool, const Kernels& kernels, size_t bytes, int rounds) {
  constexpr size_t kPage = 4096;
  bytes = (bytes + kPage - 1) / kPage * kPage;
  const std::unique_ptr<Region> region(Region::anonymous(bytes));
  if (!region) return 0;
  pool.run(pool.size(), [&](const Thread& t) {
    const Range r = t.share(int64_t(bytes / kPage));
    std::memset(region->data + r.begin * kPage, 1, size_t(r.size()) * kPage);
  });
  double best = 0;
  for (int i = 0; i < rounds; i++) {
    const double s = secondsOf([&] { pool.run(pool.size(), [&](const Thread& t) { kernels.streamRead(region->data, bytes, t); }); });
    if (bytes / s > best) best = bytes / s;
  }
  return best;
}

double measurePeak(Pool& pool, const Kernels& kernels, Precision precision, int rounds) {
  double best = 0;
  for (int i = 0; i < rounds; i++) {
    double operations[64] = {};
    const double s = secondsOf([&] {
      pool.run(pool.size() < 64 ? pool.size() : 64, [&](const Thread& t) { operations[t.index] = kernels.peakFlops(precision, t); });
    });
    double total = 0;
    for (double o : operations) total += o;
    if (total / s > best) best = total / s;
  }
  return best;
}

}  // namespace hence

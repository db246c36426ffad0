// In which order a thread visits the weights of a prefill: bands of column pairs whose partial sums fit the second-level
// cache; in a band one pass over k after the other; in a pass pair after pair.
#pragma once
#include "matmul-tiles.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

struct PrefillWork { int64_t pair, pass; };

struct PrefillOrder {
  Range pairs;  // of panels, i.e. of 32 columns
  int64_t band, k;
  int passK, stepK;

  HENCE_INLINE int64_t passes() const { return (k + passK - 1) / passK; }
  HENCE_INLINE int64_t bandBegin(int64_t pair) const { return pairs.begin + (pair - pairs.begin) / band * band; }
  HENCE_INLINE bool isWork(PrefillWork v) const { return v.pair < pairs.end; }
  HENCE_INLINE PrefillWork next(PrefillWork v) const {
    const int64_t begin = bandBegin(v.pair), end = begin + band < pairs.end ? begin + band : pairs.end;
    if (++v.pair < end) return v;
    return ++v.pass < passes() ? PrefillWork{begin, v.pass} : PrefillWork{end, 0};
  }
  // Tiles along k in a pass; the last one may be short.
  HENCE_INLINE int steps(int64_t pass) const {
    const int64_t left = k - pass * passK, tiles = ((left < passK ? left : passK) + stepK - 1) / stepK;
    return int(tiles);
  }
};

// Partial sums of a band, at least one pair.
constexpr int kPartialBytes = 1 << 19;
HENCE_INLINE PrefillOrder prefillOrder(const PackedMatrix& w, Range columns, int64_t rowPairs, int passK, int stepK) {
  const int64_t fitting = kPartialBytes / (rowPairs * 4 * kTileBytes);
  return {{columns.begin / 2, (columns.end + 1) / 2}, fitting < 1 ? 1 : fitting, w.k, passK, stepK};
}

// Fetches one step's share of the weights of `work`, panel `side` of its pair, into the second-level cache.
HENCE_INLINE void prefetchStep(const PackedMatrix& w, PrefillWork work, int side, int step, int passK, int stepK) {
  const size_t passBytes = size_t(passK / unitK(w.layout)) * size_t(unitBytes(w.layout));
  const int lines = int(passBytes * size_t(stepK) / size_t(passK) + 63) / 64;
  const uint8_t* soon = w.data + size_t(work.pair * 2 + side) * panelBytes(w.layout, w.k) + size_t(work.pass) * passBytes + size_t(step * lines) * 64;
  for (int line = 0; line < lines; line++) __builtin_prefetch(soon + line * 64, 0, 2);
}

}  // namespace hence::HENCE_TARGET

#endif

// Products of bytes on the AMX unit: two row tiles by two panels, whose sums stay in tiles over the whole of k.
#pragma once
#include "bytes-finish.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

// A panel pair that is wanted next, fetched into the second-level cache a part at a time.
struct FetchAhead {
  const uint8_t* data;
  int64_t lines, at, perStep;
  HENCE_INLINE void step() {
    for (int64_t end = at + perStep < lines ? at + perStep : lines; at < end; at++) __builtin_prefetch(data + at * 64, 0, 2);
  }
};

// products[row tile][panel][16][16].
template <bool Signed, bool TwoRows, bool TwoPanels>
static __attribute__((noinline)) void byteTiles(const ByteRows& x, const uint8_t* panel, size_t next, int64_t steps, FetchAhead& ahead, int32_t* products) {
  const uint8_t *a = x.data, *below = x.data + 16 * x.pitch;
  zeroProducts();
  for (int64_t s = 0; s < steps; s++, a += kBlockK, below += kBlockK, panel += kTileBytes) {
    _tile_loadd(4, a, x.pitch);
    _tile_loadd(6, panel, 64);
    if constexpr (TwoPanels) _tile_loadd(7, panel + next, 64);
    if constexpr (TwoRows) _tile_loadd(5, below, x.pitch);
#define HENCE_DOT(C, A, B) \
    if constexpr (Signed) _tile_dpbssd(C, A, B); \
    else _tile_dpbusd(C, A, B)
    HENCE_DOT(0, 4, 6);
    if constexpr (TwoPanels) { HENCE_DOT(1, 4, 7); }
    if constexpr (TwoRows) { HENCE_DOT(2, 5, 6); }
    if constexpr (TwoRows && TwoPanels) { HENCE_DOT(3, 5, 7); }
#undef HENCE_DOT
    ahead.step();
  }
  storeProducts((float*)products);
  tileBarrier();
}

template <bool Signed> HENCE_INLINE void byteTilesOf(bool twoRows, bool twoPanels, const ByteRows& x, const uint8_t* panel, size_t next, int64_t steps, FetchAhead& ahead, int32_t* products) {
  if (twoRows && twoPanels) byteTiles<Signed, true, true>(x, panel, next, steps, ahead, products);
  else if (twoRows) byteTiles<Signed, true, false>(x, panel, next, steps, ahead, products);
  else if (twoPanels) byteTiles<Signed, false, true>(x, panel, next, steps, ahead, products);
  else byteTiles<Signed, false, false>(x, panel, next, steps, ahead, products);
}

// Bytes of panels that stay in the second-level cache while all rows meet them.
constexpr int64_t kByteBandBytes = 192 << 10;

// Panels times rows; x has whole tiles of rows. Of a band of panels y is written row by row, not column by column.
static void tileProducts(const PackedMatrix& w, const ByteRows& x, bool isSigned, int64_t rows, Range panels, const ByteScales& scales, const Output& out) {
  alignas(64) int32_t products[1024];
  const size_t bytes = panelBytes(w.layout, w.k);
  const int64_t steps = unitCount(w.layout, w.k), rowPairs = (rows + 31) / 32, fitting = kByteBandBytes / int64_t(bytes) & ~int64_t(1), band = fitting < 2 ? 2 : fitting;
  configureFullTiles();
  for (int64_t first = panels.begin; first < panels.end; first += band) {
    const int64_t end = first + band < panels.end ? first + band : panels.end, later = panels.end - end < band ? panels.end - end : band;
    const int64_t lines = later * int64_t(bytes / 64), slots = rowPairs * ((end - first + 1) / 2) * steps;
    FetchAhead ahead{panelData(w, end), lines, 0, (lines + slots - 1) / slots};
    for (int64_t row = 0; row < rows; row += 32)
      for (int64_t p = first; p < end; p += 2) {
        const uint8_t* panel = panelData(w, p);
        const int count = end - p < 2 ? 1 : 2;
        const ByteRows tile{x.data + row * x.pitch, x.pitch};
        const uint8_t* quads = panel + panelHeaderBytes(w.layout);
        if (isSigned) byteTilesOf<true>(row + 16 < rows, count == 2, tile, quads, bytes, steps, ahead, products);
        else byteTilesOf<false>(row + 16 < rows, count == 2, tile, quads, bytes, steps, ahead, products);
        for (int half = 0; half < 2 && row + 16 * half < rows; half++)
          for (int side = 0; side < count; side++) {
            const int64_t r = row + 16 * half, most = rows - r < 16 ? rows - r : 16;
            finishBytes(scales, out, r, most, (p + side) * kPanelColumns, (const int32_t*)(panel + size_t(side) * bytes), products + (half * 2 + side) * 256);
          }
      }
  }
  _tile_release();
}

}  // namespace hence::HENCE_TARGET

#endif

// Products of bytes on the AMX unit: two row tiles by two panels, whose sums stay in tiles over the whole of k.
#pragma once
#include "bytes-finish.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

// Bytes that are wanted next, fetched into the second-level cache a few lines at a time.
struct FetchAhead {
  const uint8_t* data;
  int64_t lines, at, perStep;
  HENCE_INLINE void step() {
    for (int64_t end = at + perStep < lines ? at + perStep : lines; at < end; at++) __builtin_prefetch(data + at * 64, 0, 2);
  }
};

// Finished products[row tile][panel][16][16], turned into results while the next ones are under way.
struct TilesToFinish {
  alignas(64) int32_t products[1024];
  const uint8_t* panels;  // the first one's header
  size_t next;            // bytes to the second one
  int64_t row, rows, column;
  int sides, done = 4;    // of four tiles
  HENCE_INLINE void step(const ByteScales& scales, const Output& out) {
    if (done >= 4) return;
    const int half = done / 2, side = done % 2;
    done++;
    const int64_t left = rows - half * 16;
    if (side < sides && left > 0)
      finishBytes(scales, out, row + half * 16, left < 16 ? left : 16, column + side * kPanelColumns, (const int32_t*)(panels + size_t(side) * next), products + (half * 2 + side) * 256);
  }
};

// between() is called after every step of k.
template <bool Signed, bool TwoRows, bool TwoPanels, class Between>
HENCE_INLINE void byteTiles(const ByteRows& x, const uint8_t* panel, size_t next, int64_t steps, const Between& between) {
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
    between();
  }
}

// Bytes of panels that stay in the second-level cache while all rows meet them.
constexpr int64_t kByteBandBytes = 192 << 10;

// Panels times rows; x has whole tiles of rows. Of a band of panels y is written row by row, not column by column.
template <bool Signed>
static __attribute__((noinline)) void tileProducts(const PackedMatrix& w, const ByteRows& x, int64_t rows, Range panels, const ByteScales& scales, const Output& out) {
  TilesToFinish buffers[2];
  int turn = 0;
  const size_t bytes = panelBytes(w.layout, w.k);
  const int64_t steps = unitCount(w.layout, w.k), rowPairs = (rows + 31) / 32, fitting = kByteBandBytes / int64_t(bytes) & ~int64_t(1), band = fitting < 2 ? 2 : fitting;
  configureFullTiles();
  for (int64_t first = panels.begin; first < panels.end; first += band) {
    const int64_t end = first + band < panels.end ? first + band : panels.end, later = panels.end - end < band ? panels.end - end : band;
    const int64_t lines = later * int64_t(bytes / 64), slots = rowPairs * ((end - first + 1) / 2) * steps;
    FetchAhead ahead{panelData(w, end), lines, 0, (lines + slots - 1) / slots};
    for (int64_t row = 0; row < rows; row += 32)
      for (int64_t p = first; p < end; p += 2, turn ^= 1) {
        const uint8_t *panel = panelData(w, p), *quads = panel + panelHeaderBytes(w.layout);
        const ByteRows tile{x.data + row * x.pitch, x.pitch};
        TilesToFinish &now = buffers[turn], &before = buffers[turn ^ 1];
        auto between = [&] { ahead.step(), before.step(scales, out); };
        const bool twoRows = row + 16 < rows, twoPanels = p + 1 < end;
        if (twoRows && twoPanels) byteTiles<Signed, true, true>(tile, quads, bytes, steps, between);
        else if (twoRows) byteTiles<Signed, true, false>(tile, quads, bytes, steps, between);
        else if (twoPanels) byteTiles<Signed, false, true>(tile, quads, bytes, steps, between);
        else byteTiles<Signed, false, false>(tile, quads, bytes, steps, between);
        while (before.done < 4) before.step(scales, out);
        storeProducts((float*)now.products);
        tileBarrier();
        now.panels = panel, now.next = bytes, now.row = row, now.rows = rows - row, now.column = p * kPanelColumns, now.sides = twoPanels ? 2 : 1, now.done = 0;
      }
  }
  TilesToFinish& last = buffers[turn ^ 1];
  while (last.done < 4) last.step(scales, out);
  _tile_release();
}

}  // namespace hence::HENCE_TARGET

#endif

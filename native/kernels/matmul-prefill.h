// Many rows on the AMX unit in bf16, for every layout.
//
// No bf16 copy of the weights exists: 32 columns x 256 k are expanded into a panel of tiles in the first-level cache that
// all rows use, and while the tile unit works on one panel, the vector units expand the next, a tile at a time between
// tile products. Partial sums of a band of columns stay in the second-level cache.
#pragma once
#include "matmul-epilogue.h"
#include "matmul-prefill-order.h"
#include "matmul-tile-fill.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

constexpr int kPassK = 256, kPassSteps = kPassK / 32;
constexpr int kPanelTileBytes = 2 * kPassSteps * kTileBytes;
constexpr size_t kPrefillThreadBytes = 2 * kPanelTileBytes + kPartialBytes;

HENCE_INLINE int64_t passCount(int64_t k) { return (k + kPassK - 1) / kPassK; }
HENCE_INLINE int64_t rowPairCount(int64_t rows) { return (rows + 31) / 32; }
HENCE_INLINE size_t rowTilesBytes(int64_t rows, int64_t k) { return size_t(passCount(k) * rowPairCount(rows)) * kPanelTileBytes; }

// Activations as A tiles of 16 rows x 32 k, [pass][pair of row tiles][row tile][step]; row tiles of different passes are
// far apart, those of one pass close together, so that they do not share cache sets. Missing rows and k are zero.
static __attribute__((noinline)) void packRowTile(const float* x, int64_t rows, int64_t k, int64_t rowTile, uint8_t* tiles) {
  for (int r = 0; r < 16; r++) {
    const int64_t row = rowTile * 16 + r;
    const float* in = x + row * k;
    for (int64_t pass = 0; pass < passCount(k); pass++) {
      uint8_t* out = tiles + size_t((pass * rowPairCount(rows) + rowTile / 2) * 2 + rowTile % 2) * kPassSteps * kTileBytes + r * 64;
      for (int step = 0; step < kPassSteps; step++) {
        const int64_t at = pass * kPassK + step * 32, left = row < rows ? k - at : 0;
        const __mmask32 mask = left >= 32 ? 0xffffffff : left <= 0 ? 0 : (1u << left) - 1;
        const __m512 low = _mm512_maskz_loadu_ps(__mmask16(mask), in + at), high = _mm512_maskz_loadu_ps(__mmask16(mask >> 16), in + at + 16);
        _mm512_store_si512(out + step * kTileBytes, (__m512i)_mm512_cvtne2ps_pbh(high, low));
      }
    }
  }
}

// Products of two row tiles (or one) with two column tiles over `steps` steps, into tiles 0..3; after every step
// `between` may do vector work.
template <bool BothRows, class Between>
HENCE_INLINE void multiplyTiles(const uint8_t* a, const uint8_t* b, int steps, const Between& between) {
  for (int s = 0; s < steps; s++) {
    _tile_loadd(4, a + s * kTileBytes, 64);
    _tile_loadd(6, b + s * kTileBytes, 64);
    _tile_loadd(7, b + (kPassSteps + s) * kTileBytes, 64);
    if (BothRows) {
      _tile_loadd(5, a + (kPassSteps + s) * kTileBytes, 64);
    }
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (BothRows) {
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    between();
  }
}

// One matrix; `columns` are this thread's panels, beginning at an even one.
static __attribute__((noinline)) void prefillRows(const PackedMatrix& w, const uint8_t* rowTiles, int64_t rows, const Output& out, Range columns, uint8_t* scratch) {
  FillTile fillTileOf = nullptr;
  withLayout(w.layout, [&]<Layout L>() { fillTileOf = fillTile<L>; });
  uint8_t* panels[2] = {scratch, scratch + kPanelTileBytes};
  float* partial = (float*)(scratch + 2 * kPanelTileBytes);
  const int64_t rowPairs = rowPairCount(rows), panelEnd = panelCount(w.n);
  const PrefillOrder order = prefillOrder(w, columns, rowPairs, kPassK, 32);

  // Tile i of the work's panel; what the work after it needs is fetched meanwhile.
  auto fill = [&](PrefillWork v, int steps, uint8_t* panel, int i) {
    const int side = i / steps, step = i % steps;
    uint8_t* tile = panel + (side * kPassSteps + step) * kTileBytes;
    if (v.pair * 2 + side >= panelEnd) {
      std::memset(tile, 0, kTileBytes);
      return;
    }
    fillTileOf(panelData(w, v.pair * 2 + side), v.pass * kPassSteps + step, tile);
    prefetchStep(w, order.next(v), side, step, kPassK, 32);
  };

  PrefillWork now{order.pairs.begin, 0};
  for (int i = 0; order.isWork(now) && i < 2 * order.steps(0); i++) fill(now, order.steps(0), panels[0], i);
  for (int turn = 0; order.isWork(now); turn ^= 1) {
    tileBarrier();
    const PrefillWork later = order.next(now);
    const bool last = now.pass == order.passes() - 1;
    const int steps = order.steps(now.pass), laterSteps = order.isWork(later) ? order.steps(later.pass) : 0;
    const int slots = int(rowPairs) * steps;
    int filled = 0, due = 0;
    auto fillSome = [&] {
      for (due += 2 * laterSteps; due >= slots; due -= slots) fill(later, laterSteps, panels[turn ^ 1], filled++);
    };
    for (int64_t rp = 0; rp < rowPairs; rp++) {
      const uint8_t* a = rowTiles + size_t(now.pass * rowPairs + rp) * kPanelTileBytes;
      float* c = partial + ((now.pair - order.bandBegin(now.pair)) * rowPairs + rp) * 1024;
      const bool bothRows = rp * 32 + 16 < rows;
      if (now.pass == 0) zeroProducts();
      else loadProducts(c);
      if (bothRows) multiplyTiles<true>(a, panels[turn], steps, fillSome);
      else multiplyTiles<false>(a, panels[turn], steps, fillSome);
      storeProducts(c);
      if (!last) continue;
      tileBarrier();
      const int count = int(rows - rp * 32 < 32 ? rows - rp * 32 : 32);
      for (int r = 0; r < count; r++)
        for (int side = 0; side < 2 && now.pair * 2 + side < panelEnd; side++)
          finishColumns(out, rp * 32 + r, (now.pair * 2 + side) * kPanelColumns, load(c + (r / 16 * 2 + side) * 256 + r % 16 * 16));
    }
    now = later;
  }
}

}  // namespace hence::HENCE_TARGET

#endif

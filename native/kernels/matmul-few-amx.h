// Sixteen rows against quantised weights with groups of 32 on the AMX unit. The group scales force a tile product per
// 32 k, half the depth of a tile, and a store and a scaling of the integer tile after each; the scaling runs one block
// behind, while the next products are under way.
#pragma once
#include "matmul-few-panel.h"
#include "matmul-tiles.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

constexpr int kAmxFewRows = 16;

// Tiles 0, 1: products; 2, 3: activations [16][32]; 4, 5: eight quads of weights.
HENCE_INLINE void configureFewRowsTiles() {
  TileConfig c;
  for (int i = 0; i < 2; i++) c.set(i, kAmxFewRows, 64), c.set(2 + i, kAmxFewRows, 32), c.set(4 + i, 8, 64);
  c.load();
}

// The signature of fewRowsPanel with R = 16; the tiles are configured.
template <Layout L>
__attribute__((noinline)) void amxFewRowsPanel(const uint8_t* panel, const uint8_t* ahead, int64_t units, const uint8_t* activations, int rowBytes, float* sums) {
  constexpr LayoutTraits t = traitsOf(L);
  constexpr int R = kAmxFewRows, blocks = unitK(L) / kBlockK, linesPerBlock = (unitBytes(L) / blocks + 63) / 64;
  alignas(64) uint8_t unpacked[2][kTileBytes];
  alignas(64) int32_t products[2][2][R][16];
  const int groupBytes = R * rowBytes;
  const int64_t count = units * blocks;
  const PrefetchStream stream(panel, size_t(units) * unitBytes(L), ahead);
  VF sum[R];
  HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = setAll(0);

  auto scaleBlock = [&](int64_t b) HENCE_INLINE_LAMBDA {
    const UnitScales<L> scales(panel + size_t(b / blocks) * unitBytes(L), 0);
    for (int g = 0; g < 2; g++) {
      const float* xScale = (const float*)(activations + size_t(2 * b + g) * size_t(groupBytes) + 32 * R);
      const int group = int(b % blocks) * 2 + g;
      const VF scale = scales.groupScale(group);
      VF min;
      if constexpr (t.hasMin) min = scales.groupMin(group);
      HENCE_UNROLL for (int r = 0; r < R; r++) {
        VI dot = _mm512_load_si512(products[b & 1][g][r]);
        if constexpr (zeroPoint(L) != 0) dot = add32(dot, left<t.bits - 1>(setAll32(((const int32_t*)xScale)[R + r])));
        sum[r] = mulAdd(mul(toFloat(dot), scale), setAll(xScale[r]), sum[r]);
        if constexpr (t.hasMin) sum[r] = mulAdd(min, setAll(xScale[2 * R + r]), sum[r]);
      }
    }
  };

  for (int64_t b = 0; b < count; b++) {
    const uint8_t* unit = panel + size_t(b / blocks) * unitBytes(L);
    const uint8_t* tile = unit + payloadOffset(L, int(b % blocks));
    const uint8_t* x = activations + size_t(2 * b) * size_t(groupBytes);
    stream.prefetch(unit + int(b % blocks) * linesPerBlock * 64, linesPerBlock * 64);
    if constexpr (t.bits != 8) {
      unrolled<0, 16>([&](auto j) HENCE_INLINE_LAMBDA { _mm512_store_si512(unpacked[b & 1] + 64 * j.value, loadQuad<t.bits, j.value>(tile, 0)); });
      tile = unpacked[b & 1];
      tileBarrier();
    }
    _tile_zero(0);
    _tile_loadd(2, x, 32);
    _tile_loadd(4, tile, 64);
    _tile_dpbsud(0, 2, 4);
    _tile_zero(1);
    _tile_loadd(3, x + groupBytes, 32);
    _tile_loadd(5, tile + 512, 64);
    _tile_dpbsud(1, 3, 5);
    if (b) scaleBlock(b - 1);
    _tile_stored(0, products[b & 1][0], 64);
    _tile_stored(1, products[b & 1][1], 64);
    tileBarrier();
  }
  scaleBlock(count - 1);
  for (int r = 0; r < R; r++) storeFloats(sums + r * kPanelColumns, sum[r]);
}

}  // namespace hence::HENCE_TARGET

#endif

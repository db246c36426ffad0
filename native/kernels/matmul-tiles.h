// AMX tile configuration, and the barrier that its intrinsics lack.
#pragma once
#include "../dot.h"

#if defined(__AMX_TILE__) && defined(__AMX_INT8__) && defined(__AMX_BF16__) && defined(__AVX512BF16__)
#define HENCE_AMX 1

namespace hence::HENCE_TARGET {

constexpr int kTileBytes = 1024;

// Tile loads and stores are assembler without memory operands to the compiler: stores must not move across them.
HENCE_INLINE void tileBarrier() { asm volatile("" ::: "memory"); }

struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t bytesPerRow[16] = {};
  uint8_t rows[16] = {};

  HENCE_INLINE void set(int tile, int tileRows, int tileBytesPerRow) {
    rows[tile] = uint8_t(tileRows);
    bytesPerRow[tile] = uint16_t(tileBytesPerRow);
  }
  HENCE_INLINE void load() const {
    tileBarrier();  // the intrinsic claims to read eight bytes only
    _tile_loadconfig(this);
  }
};

HENCE_INLINE void configureFullTiles() {
  TileConfig c;
  for (int i = 0; i < 8; i++) c.set(i, 16, 64);
  c.load();
}

// Tiles 0..3, the accumulators of 2 x 2 tile products, as four consecutive blocks of 1 KB.
HENCE_INLINE void zeroProducts() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}
HENCE_INLINE void loadProducts(const float* c) {
  _tile_loadd(0, c, 64);
  _tile_loadd(1, c + 256, 64);
  _tile_loadd(2, c + 512, 64);
  _tile_loadd(3, c + 768, 64);
}
HENCE_INLINE void storeProducts(float* c) {
  _tile_stored(0, c, 64);
  _tile_stored(1, c + 256, 64);
  _tile_stored(2, c + 512, 64);
  _tile_stored(3, c + 768, 64);
}

}  // namespace hence::HENCE_TARGET

#endif

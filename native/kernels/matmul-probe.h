// What the machine can do at most: reading memory, and arithmetic in registers. The matmuls are judged against these.
#pragma once
#include "matmul-exact.h"
#include "matmul-tiles.h"

namespace hence::HENCE_TARGET {

static void streamRead(const uint8_t* data, size_t bytes, const Thread& thread) {
  const Range share = thread.share(int64_t(bytes / 256));
  VI sum[kParts];
  HENCE_UNROLL for (int i = 0; i < kParts; i++) sum[i] = setAll32(0);
  for (int64_t i = share.begin; i < share.end; i++) {
    const uint8_t* p = data + i * 256;
    prefetchLines(p, 256);
    for (int line = 0; line < 256; line += 64)
      HENCE_UNROLL for (int part = 0; part < kParts; part++) sum[part] = add32(sum[part], loadBytes(p + line + part * kColumns * 4));
  }
  HENCE_UNROLL for (int i = 0; i < kParts; i++) asm volatile("" ::"m"(sum[i]));
}

// To the compiler: somebody may have read and changed memory, so repeated work must be repeated.
HENCE_INLINE void forget(const void* p) { asm volatile("" ::"r"(p) : "memory"); }

// Exact: f32 multiply-adds. Fast: the densest product that the fast kernels use: bf16 tiles, or quads of bytes.
static double peakFlops(Precision precision, const Thread&) {
  constexpr int rounds = 20000;
#if HENCE_AMX
  if (precision == Precision::Fast) {
    alignas(64) uint16_t values[2][512];  // tiles of zeros draw less power and would hide throttling
    uint32_t random = 1;
    for (int i = 0; i < 1024; i++) {
      random = random * 1664525 + 1013904223;
      values[i / 512][i % 512] = uint16_t(0x3f00 | (random >> 16 & 0x80ff));  // +-0.5 .. 2
    }
    configureFullTiles();
    tileBarrier();
    _tile_loadd(4, values[0], 64);
    _tile_loadd(5, values[1], 64);
    zeroProducts();
    for (int i = 0; i < rounds; i++) {
      _tile_dpbf16ps(0, 4, 5);
      _tile_dpbf16ps(1, 4, 5);
      _tile_dpbf16ps(2, 4, 5);
      _tile_dpbf16ps(3, 4, 5);
    }
    _tile_release();
    return 2.0 * 4 * rounds * 16 * 16 * 32;
  }
#endif
  if (precision == Precision::Fast) {
    constexpr int rows = kMaxFewRows;
    alignas(64) uint8_t weights[64];
    int8_t x[rows * 32];
    for (int i = 0; i < 64; i++) weights[i] = uint8_t(i & 15);
    for (int i = 0; i < rows * 32; i++) x[i] = int8_t(i % 13 - 6);
    for (int i = 0; i < rounds; i++) {
      Dots<4, rows> dots;
      HENCE_UNROLL for (int r = 0; r < rows; r++) dots.start(r, setAll32(0));
      VI quad = loadBytes(weights);
      unrolled<0, 8>([&](auto j) HENCE_INLINE_LAMBDA { dots.template add<j.value>(quad, x + 4 * j.value, 32); });
      HENCE_UNROLL for (int r = 0; r < rows; r++) {
        VI total = dots.total(r);
        asm volatile("" ::"m"(total));
      }
      forget(x);
    }
    return 2.0 * rounds * rows * kColumns * 32;
  }
  alignas(64) float tile[64 * kPanelColumns], sums[kExactRows * kPanelColumns] = {}, x[kExactRows * 64];
  for (int i = 0; i < 64 * kPanelColumns; i++) tile[i] = float(i % 7) * 0.1f;
  for (int i = 0; i < kExactRows * 64; i++) x[i] = float(i % 5) * 0.01f;
  for (int i = 0; i < rounds / 4; i++) {
    multiplyTile<kExactRows, 64>({tile, 64, 64, false, nullptr}, x, sums, nullptr);
    forget(x);
  }
  forget(sums);
  return 2.0 * (rounds / 4) * kExactRows * kPanelColumns * 64;
}

}  // namespace hence::HENCE_TARGET

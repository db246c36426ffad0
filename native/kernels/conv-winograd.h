// 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): 36 multiplications give 16 outputs instead of 144. Tiles of 6x6
// pixels and filters are evaluated at the points 0, +-sqrt(1/2), +-sqrt(2) and infinity, multiplied there as 36 matrix
// products over channels, and interpolated. With these points the error is about twice that of the plain sum.
// Source: Lavin & Gray 2016; Barabasz et al. 2020 on points.
#pragma once
#include "conv-dense.h"

namespace hence::HENCE_TARGET {

constexpr int kWinogradPoints = 36, kWinogradTile = 4;
constexpr int64_t kWinogradBlockBytes = 1280 << 10;

struct WinogradShape {
  int64_t down, across, tiles, panels, blockTiles;
  HENCE_INLINE explicit WinogradShape(const ConvArgs& args) {
    down = (args.window.outHeight + kWinogradTile - 1) / kWinogradTile;
    across = (args.window.outWidth + kWinogradTile - 1) / kWinogradTile;
    tiles = args.window.batch * down * across;
    panels = panelCount(args.n);
    const int64_t tileBytes = kWinogradPoints * 4 * (SliceShape{args.w.k, 1}.floats() + panels * kPanelColumns);
    const int64_t fitting = kWinogradBlockBytes / tileBytes / kExactRows * kExactRows, least = 4 * kExactRows;
    blockTiles = fitting < least ? least : fitting < kExactBlockRows ? fitting : kExactBlockRows;
    if (blockTiles > tiles) blockTiles = tiles;
  }
  // Floats of the evaluated tiles and of the products of one block.
  HENCE_INLINE int64_t inputFloats(int64_t k) const { return kWinogradPoints * SliceShape{k, blockTiles}.floats(); }
  HENCE_INLINE int64_t productFloats() const { return kWinogradPoints * panels * blockTiles * kPanelColumns; }
};

HENCE_INLINE size_t winogradWorkspace(const ConvArgs& args, int threads) {
  const WinogradShape s(args);
  return size_t(threads) * size_t(s.inputFloats(args.w.k) + s.productFloats()) * 4;
}

constexpr float kRootHalf = 0.70710678f, kRootTwo = 1.41421356f;

// Values at the six points of a polynomial product's transposed evaluation.
HENCE_INLINE void evaluate(const F (&d)[6], F (&v)[6]) {
  const F even1 = fma(d[2], set1(-2), d[4]), odd1 = fma(d[1], set1(-2), d[3]);
  const F even2 = fma(d[2], set1(-0.5f), d[4]), odd2 = fma(d[1], set1(-0.5f), d[3]);
  v[0] = fma(d[2], set1(-2.5f), d[0] + d[4]);
  v[1] = fma(odd1, set1(kRootHalf), even1);
  v[2] = fma(odd1, set1(-kRootHalf), even1);
  v[3] = fma(odd2, set1(kRootTwo), even2);
  v[4] = fma(odd2, set1(-kRootTwo), even2);
  v[5] = fma(d[3], set1(-2.5f), d[1] + d[5]);
}

// Four outputs from the products at the six points.
HENCE_INLINE void interpolate(const F (&m)[6], F (&y)[4]) {
  const F sum1 = m[1] + m[2], sum2 = m[3] + m[4], difference1 = (m[1] - m[2]) * set1(kRootHalf), difference2 = (m[3] - m[4]) * set1(kRootTwo);
  y[0] = m[0] + (sum1 + sum2);
  y[1] = difference1 + difference2;
  y[2] = fma(sum1, set1(0.5f), sum2 * set1(2));
  y[3] = fma(difference1, set1(0.5f), fma(difference2, set1(2), m[5]));
}

// Evaluates sixteen channels of the tile whose corner is (top, left): to[36] vectors `step` floats apart.
HENCE_INLINE void evaluateTile(const WindowShape& w, const float* image, int64_t top, int64_t left, int channels, float* to, int64_t step) {
  F columns[6][6];
  for (int j = 0; j < 6; j++) {
    F d[6], v[6];
    const int64_t u = left + j;
    for (int i = 0; i < 6; i++) {
      const int64_t t = top + i;
      const float* at = image + (t * w.width + u) * w.channels;
      d[i] = t < 0 || t >= w.height || u < 0 || u >= w.width ? zero() : channels == kLanes ? load(at) : loadPartial(at, channels);
    }
    evaluate(d, v);
    for (int i = 0; i < 6; i++) columns[i][j] = v[i];
  }
  for (int i = 0; i < 6; i++) {
    F v[6];
    evaluate(columns[i], v);
    for (int j = 0; j < 6; j++) store(to + (i * 6 + j) * step, v[j]);
  }
}

struct WinogradTile {
  int64_t image, top, left;  // first output pixel
  HENCE_INLINE WinogradTile(const WinogradShape& s, int64_t tile)
      : image(tile / (s.down * s.across)), top(tile / s.across % s.down * kWinogradTile), left(tile % s.across * kWinogradTile) {}
};

static __attribute__((noinline)) void evaluateTiles(const ConvArgs& args, const WinogradShape& s, int64_t first, Range range, const SliceShape& shape, float* input) {
  const WindowShape& w = args.window;
  for (int64_t r = range.begin; r < range.end; r++) {
    const WinogradTile tile(s, first + r);
    const float* image = args.x + tile.image * w.height * w.width * w.channels;
    for (int64_t c = 0; c < w.channels; c += kLanes) {
      const int channels = int(w.channels - c < kLanes ? w.channels - c : kLanes);
      float* to = input + c / kSliceK * shape.rows * shape.pitch() + r * shape.pitch() + c % kSliceK;
      evaluateTile(w, image + c, tile.top - w.padTop, tile.left - w.padLeft, channels, to, shape.floats());
    }
  }
}

// products[point][panel][tile][16] of one point and panel.
static void multiplyPoint(const ConvArgs& args, const WinogradShape& s, int64_t point, int64_t panel, const SliceShape& shape, const float* input, float* products) {
  const SlicedRows x = shape.over(input + point * shape.floats());
  const float* weights = (const float*)panelData(args.w, point * s.panels + panel);
  for (int64_t slice = 0; slice < sliceCount(args.w.k); slice++) {
    const int64_t left = args.w.k - slice * kSliceK;
    const float* next = weights + (left < kSliceK ? args.w.k : (slice + 1) * kSliceK) * kPanelColumns;
    const int count = int(left < kSliceK ? left : kSliceK);
    multiplyAllRows({weights + slice * kSliceK * kPanelColumns, count, x.rowStride, slice == 0, next}, x.slice(slice, 0), shape.rows,
                    products + (point * s.panels + panel) * shape.rows * kPanelColumns, nullptr);
  }
}

static __attribute__((noinline)) void interpolateTiles(const ConvArgs& args, const WinogradShape& s, int64_t first, Range range, int64_t rows, const float* products) {
  const WindowShape& w = args.window;
  const Output out = outputOf(args, 0, args.n);
  alignas(64) float y[kWinogradTile][kWinogradTile * kLanes];
  for (int64_t r = range.begin; r < range.end; r++) {
    const WinogradTile tile(s, first + r);
    const int64_t height = w.outHeight - tile.top < kWinogradTile ? w.outHeight - tile.top : kWinogradTile;
    const int64_t width = w.outWidth - tile.left < kWinogradTile ? w.outWidth - tile.left : kWinogradTile;
    for (int64_t panel = 0; panel < s.panels; panel++) {
      const float* at = products + (panel * rows + r) * kPanelColumns;
      const int64_t step = s.panels * rows * kPanelColumns;
      F columns[4][6];
      for (int j = 0; j < 6; j++) {
        F m[6], v[4];
        for (int i = 0; i < 6; i++) m[i] = load(at + (i * 6 + j) * step);
        interpolate(m, v);
        for (int i = 0; i < 4; i++) columns[i][j] = v[i];
      }
      for (int i = 0; i < 4; i++) {
        F v[4];
        interpolate(columns[i], v);
        for (int j = 0; j < 4; j++) store(y[i] + j * kLanes, v[j]);
      }
      for (int64_t i = 0; i < height; i++)
        finishRows(out, (tile.image * w.outHeight + tile.top + i) * w.outWidth + tile.left, width, panel * kPanelColumns, y[i]);
    }
  }
}

static void convWinograd(const ConvArgs& args, const Thread& thread) {
  const WinogradShape s(args);
  const Team team = teamFor(s.tiles, s.panels, kPanelColumns, 4 * kExactRows, thread);
  float* input = (float*)args.workspace + team.part * (s.inputFloats(args.w.k) + s.productFloats());
  float* products = input + s.inputFloats(args.w.k);
  const Range mine = cut(s.tiles, 1, team.part, team.parts);
  const int64_t blocks = ((s.tiles + team.parts - 1) / team.parts + s.blockTiles - 1) / s.blockTiles;
  auto meet = [&] { if (team.size > 1) thread.barrier(); };
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t first = mine.begin + b * s.blockTiles, left = mine.end - first, rows = left < 0 || team.idle ? 0 : left < s.blockTiles ? left : s.blockTiles;
    const SliceShape shape{args.w.k, rows};
    const Range tiles = cut(rows, 1, team.member, team.size), work = cut(rows > 0 ? kWinogradPoints * s.panels : 0, 1, team.member, team.size);
    evaluateTiles(args, s, first, tiles, shape, input);
    meet();
    for (int64_t i = work.begin; i < work.end; i++) multiplyPoint(args, s, i / s.panels, i % s.panels, shape, input, products);
    meet();
    interpolateTiles(args, s, first, tiles, rows, products);
    meet();
  }
}

}  // namespace hence::HENCE_TARGET

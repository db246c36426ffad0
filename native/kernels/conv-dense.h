// Convolution as a matrix product: a row is what one output pixel sees, a column a filter.
#pragma once
#include "conv-pixels.h"
#include "conv-team.h"

namespace hence::HENCE_TARGET {

// Bytes of gathered rows a thread keeps, for its second-level cache; they meet every panel of the weights.
constexpr int64_t kConvRowsBytes = 768 << 10;

HENCE_INLINE Output outputOf(const ConvArgs& args, int64_t column, int64_t columns) {
  return {args.y + column, args.bias ? args.bias + column : nullptr, args.residual ? args.residual + column : nullptr, columns, args.n, args.finish};
}

// A pixel that sees only itself is a row as it lies, unless rows a power of two apart would fall into the same cache sets.
HENCE_INLINE bool hasRowsInPlace(const ConvArgs& args) {
  const WindowShape& w = args.window;
  const bool isPointwise = w.kernelHeight == 1 && w.kernelWidth == 1 && w.strideHeight == 1 && w.strideWidth == 1 && w.padTop == 0 && w.padLeft == 0;
  return isPointwise && w.outHeight == w.height && w.outWidth == w.width && args.groups == 1 && args.w.k * 4 % 4096 != 0;
}

HENCE_INLINE int64_t denseBlockRows(const ConvArgs& args) {
  const int64_t rowBytes = sliceCount(args.w.k) * SliceShape{args.w.k, 1}.pitch() * 4, fitting = kConvRowsBytes / rowBytes;
  const int64_t most = kExactBlockRows, least = 4 * kExactRows, wanted = fitting < least ? least : fitting < most ? fitting : most;
  const int64_t rows = wanted / kExactRows * kExactRows, pixels = pixelCount(args.window);
  return rows < pixels ? rows : pixels;
}

HENCE_INLINE size_t denseWorkspace(const ConvArgs& args, int threads) {
  const size_t rows = size_t(SliceShape{args.w.k, denseBlockRows(args)}.floats()) * 4;
  return size_t(threads) * (rows + kExactThreadBytes);
}

static void convDense(const ConvArgs& args, const Thread& thread) {
  const int64_t pixels = pixelCount(args.window), blockRows = denseBlockRows(args);
  const int64_t filters = args.n / args.groups, depth = args.window.channels / args.groups, panels = panelCount(filters);
  const Team team = teamFor(pixels, panels, kPanelColumns, 2 * kExactRows, thread);
  const SliceShape largest{args.w.k, blockRows};
  float* packed = (float*)args.workspace + team.part * largest.floats();
  float* partial = (float*)(args.workspace + size_t(thread.count) * size_t(largest.floats()) * 4 + size_t(thread.index) * kExactThreadBytes);
  const bool inPlace = hasRowsInPlace(args);
  const Range mine = cut(pixels, kExactRows, team.part, team.parts);
  // Members of a team meet as often as the largest part has blocks.
  const int64_t blocks = (cut(pixels, kExactRows, team.parts - 1, team.parts).size() + 2 * kExactRows + blockRows - 1) / blockRows;
  for (int64_t g = 0; g < args.groups; g++) {
    PackedMatrix w = args.w;
    w.data = panelData(args.w, g * panels), w.n = int32_t(filters);
    const Output out = outputOf(args, g * filters, filters);
    for (int64_t b = 0; b < blocks; b++) {
      const int64_t first = mine.begin + b * blockRows, left = mine.end - first, rows = left < 0 || team.idle ? 0 : left < blockRows ? left : blockRows;
      const SliceShape shape{w.k, rows};
      if (rows > 0 && !inPlace) packPixels(args.window, args.x, g * depth, depth, first, cut(rows, 1, team.member, team.size), shape, packed);
      if (team.size > 1 && !inPlace) thread.barrier();
      if (rows > 0) {
        Output block = out;
        block.y += first * out.pitch;
        if (block.residual) block.residual += first * out.pitch;
        const SlicedRows seen = inPlace ? SlicedRows{args.x + first * depth, rows, depth, kSliceK} : shape.over(packed);
        exactRows(w, seen, block, cut(panels, 1, team.member, team.size), {0, rows}, partial);
      }
      if (team.size > 1 && !inPlace) thread.barrier();
    }
  }
}

}  // namespace hence::HENCE_TARGET

// Convolution as a matrix product: a row is what one output pixel sees, a column a filter.
#pragma once
#include "conv-pixels.h"

namespace hence::HENCE_TARGET {

HENCE_INLINE Output outputOf(const ConvArgs& args, int64_t column, int64_t columns) {
  return {args.y + column, args.bias ? args.bias + column : nullptr, args.residual ? args.residual + column : nullptr, columns, args.n, args.finish};
}

// A pixel that sees only itself is a row as it lies.
HENCE_INLINE bool hasRowsInPlace(const ConvArgs& args) {
  const WindowShape& w = args.window;
  const bool isPointwise = w.kernelHeight == 1 && w.kernelWidth == 1 && w.strideHeight == 1 && w.strideWidth == 1 && w.padTop == 0 && w.padLeft == 0;
  const bool isWhole = w.outHeight == w.height && w.outWidth == w.width && args.groups == 1;
  // Few filters are not worth the packing.
  return isPointwise && isWhole && (suitsInPlace(args.w.k) || (args.n <= 8 * kPanelColumns && args.w.k * 4 % 4096 != 0));
}

HENCE_INLINE size_t denseWorkspace(const ConvArgs& args, int threads) { return rowsProductWorkspace(pixelCount(args.window), args.w.k, threads); }

static void convDense(const ConvArgs& args, const Thread& thread) {
  const int64_t filters = args.n / args.groups, depth = args.window.channels / args.groups;
  for (int64_t g = 0; g < args.groups; g++) {
    PackedMatrix w = args.w;
    w.data = panelData(args.w, g * panelCount(filters)), w.n = int32_t(filters);
    const RowsProduct product{pixelCount(args.window), w.k, hasRowsInPlace(args) ? args.x : nullptr, 1, {w}, {outputOf(args, g * filters, filters)}};
    const auto pack = [&](int64_t first, Range range, const SliceShape& shape, float* to) {
      packPixels(args.window, args.x, g * depth, depth, first, range, shape, to);
    };
    multiplyRows(product, pack, args.workspace, thread);
  }
}

}  // namespace hence::HENCE_TARGET

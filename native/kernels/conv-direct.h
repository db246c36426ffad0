// Convolution of images with few channels, the first layer of most networks: a kernel row of one output pixel is one stretch
// of the image, so that rows of the product are read where they lie, from a copy of the image with its padding.
#pragma once
#include "matmul-rows.h"

namespace hence::HENCE_TARGET {

// What the kernel sees of an image and its padding.
struct DirectShape {
  int64_t width, height;
  HENCE_INLINE explicit DirectShape(const WindowShape& w)
      : width((w.outWidth - 1) * w.strideWidth + w.kernelWidth), height((w.outHeight - 1) * w.strideHeight + w.kernelHeight) {}
  HENCE_INLINE int64_t lineFloats(const WindowShape& w) const { return width * w.channels; }
};

HENCE_INLINE size_t directWorkspace(const ConvArgs& args) {
  const DirectShape s(args.window);
  return size_t(args.window.batch * s.height * s.lineFloats(args.window)) * 4;
}

// Lines `range` of all padded images.
static __attribute__((noinline)) void padLines(const WindowShape& w, const DirectShape& s, const float* x, Range range, float* padded) {
  const int64_t c = w.channels, line = s.lineFloats(w), left = w.padLeft < s.width ? w.padLeft : s.width;
  const int64_t inside = s.width - left < w.width ? s.width - left : w.width;
  for (int64_t i = range.begin; i < range.end; i++) {
    const int64_t v = i % s.height - w.padTop;
    float* to = padded + i * line;
    if (v < 0 || v >= w.height) {
      std::memset(to, 0, size_t(line) * 4);
      continue;
    }
    std::memset(to, 0, size_t(left * c) * 4);
    std::memcpy(to + left * c, x + ((i / s.height) * w.height + v) * w.width * c, size_t(inside * c) * 4);
    std::memset(to + (left + inside) * c, 0, size_t((s.width - left - inside) * c) * 4);
  }
}

// Kernel rows that R neighbouring pixels meet; a pixel's stretches are `line` apart, pixels `step`.
template <int R> HENCE_INLINE void directTile(const float* weights, int lines, int count, const float* x, int64_t step, int64_t line, const TileOutput& out) {
  prefetchOutput<R>(out);
  F even[R], odd[R];
  HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = odd[r] = zero();
  constexpr int group = 4, pointers = (R + group - 1) / group;
  for (int l = 0; l < lines; l++, x += line) {
    const float* rows[pointers];
    HENCE_UNROLL for (int p = 0; p < pointers; p++) rows[p] = x + group * p * step;
    int i = 0;
    for (; i + 1 < count; i += 2, weights += 2 * kPanelColumns) {
      const F w0 = load(weights), w1 = load(weights + kPanelColumns);
      HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = fma(w0, set1(rows[r / group][r % group * step]), even[r]);
      HENCE_UNROLL for (int r = 0; r < R; r++) odd[r] = fma(w1, set1(rows[r / group][r % group * step + 1]), odd[r]);
      HENCE_UNROLL for (int p = 0; p < pointers; p++) {
        rows[p] += 2;
        asm("" : "+r"(rows[p]));
      }
    }
    if (i < count) {
      const F w = load(weights);
      HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = fma(w, set1(rows[r / group][r % group * step]), even[r]);
      weights += kPanelColumns;
    }
  }
  HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = even[r] + odd[r];
  storeTile(out, even);
}

// One line of output pixels from pixel `row` on, sixteen filters from `column` on.
static __attribute__((noinline)) void directLine(const ConvArgs& args, const Output& out, int64_t row, int64_t column, const float* weights, const float* x, int64_t line) {
  const WindowShape& w = args.window;
  const int64_t step = w.strideWidth * w.channels, end = row + w.outWidth;
  const int count = w.kernelWidth * w.channels;
  const bool inTiles = finishesInTiles(out) && column + kPanelColumns <= out.n;
  alignas(64) float sums[kExactRows * kPanelColumns];
  const TileOutput aside{sums, nullptr, nullptr, kPanelColumns, -__builtin_inff(), __builtin_inff(), false};
  auto run = [&]<int R>() {
    for (; row + R <= end; row += R, x += R * step) {
      directTile<R>(weights, w.kernelHeight, count, x, step, line, inTiles ? tileOutput(out, row, column) : aside);
      if (!inTiles) finishRows(out, row, R, column, sums);
    }
  };
  run.template operator()<kExactRows>();
  if constexpr (kExactRows > 4) run.template operator()<4>();
  if constexpr (kExactRows > 1) run.template operator()<1>();
}

// Worth a copy of the image where a pixel's channels are few, and a line has pixels for whole register tiles.
constexpr int kMostDirectChannels = 8;
HENCE_INLINE bool suitsDirect(const ConvArgs& args) {
  const WindowShape& w = args.window;
  const bool isDense = w.dilationHeight == 1 && w.dilationWidth == 1 && args.groups == 1 && w.kernelWidth > 1;
  return isDense && w.channels <= kMostDirectChannels && w.outWidth >= 2 * kExactRows && args.w.k <= kSliceK;
}

static void convDirect(const ConvArgs& args, const Thread& thread) {
  const WindowShape& w = args.window;
  const DirectShape s(w);
  const int64_t line = s.lineFloats(w);
  float* padded = (float*)args.workspace;
  padLines(w, s, args.x, thread.share(w.batch * s.height), padded);
  thread.barrier();
  const Range lines = thread.share(w.batch * w.outHeight);
  const Output out{args.y, args.bias, args.residual, args.n, args.n, args.finish};
  for (int64_t i = lines.begin; i < lines.end; i++) {
    const float* x = padded + (i / w.outHeight * s.height + i % w.outHeight * w.strideHeight) * line;
    for (int64_t p = 0; p < panelCount(args.n); p++) directLine(args, out, i * w.outWidth, p * kPanelColumns, (const float*)panelData(args.w, p), x, line);
  }
}

}  // namespace hence::HENCE_TARGET

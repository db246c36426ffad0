// Depthwise convolution of bytes. A sum has so few products that f32 holds it exactly: bytes less their zero point become
// f32 lines, weights lose theirs, and the f32 kernel sums them.
#pragma once
#include "bytes-finish.h"
#include "conv-depthwise.h"

namespace hence::HENCE_TARGET {

constexpr int64_t kByteLinesBytes = 384 << 10;  // f32 lines of a band, kept in the second-level cache

// Output rows done together, and the lines of the image they see.
struct ByteBand {
  int64_t rows, lines;
  HENCE_INLINE explicit ByteBand(const WindowShape& w) {
    const int64_t reach = int64_t(w.kernelHeight - 1) * w.dilationHeight + 1, lineBytes = w.width * w.channels * 4;
    const int64_t fitting = (kByteLinesBytes / lineBytes - reach) / w.strideHeight + 1;
    rows = fitting < 1 ? 1 : fitting < w.outHeight ? fitting : w.outHeight;
    lines = (rows - 1) * w.strideHeight + reach;
  }
};

struct ByteDepthwiseShape {
  int64_t weights, lines, sums;  // floats; not fewer for smaller images
  HENCE_INLINE explicit ByteDepthwiseShape(const QuantisedConvArgs& args) {
    const WindowShape& w = args.window;
    weights = int64_t(args.product.w.k) * kPanelColumns;
    const int64_t reach = (int64_t(w.kernelHeight - 1) * w.dilationHeight + 1) * w.width * w.channels, most = kByteLinesBytes / 4;
    lines = ((reach > most ? reach : most) + 2 * kLanes - 1) / kLanes * kLanes;
    sums = (w.outWidth * args.product.n + 2 * kLanes - 1) / kLanes * kLanes;
  }
  HENCE_INLINE int64_t ofThread() const { return weights + lines + sums; }
};

HENCE_INLINE size_t byteDepthwiseWorkspace(const QuantisedConvArgs& args, int threads) { return size_t(threads) * size_t(ByteDepthwiseShape(args).ofThread()) * 4; }

template <class Byte> static __attribute__((noinline)) void bytesToFloats(const uint8_t* from, int64_t count, float zero, float* to) {
  const Byte* x = (const Byte*)from;
  for (int64_t i = 0; i < count; i++) to[i] = float(x[i]) - zero;
}

static void byteDepthwise(const QuantisedConvArgs& args, const Thread& thread) {
  const QuantisedMatmulArgs& a = args.product;
  const WindowShape& w = args.window;
  const ByteDepthwiseShape shape(args);
  const ByteBand band(w);
  float *weights = (float*)a.workspace + thread.index * shape.ofThread(), *lines = weights + shape.weights, *sums = lines + shape.lines;
  const int64_t taps = int64_t(w.kernelHeight) * w.kernelWidth, step = taps * kLanes, pixelStep = w.channels;
  const ByteScales scales{a.xGrid, a.weightGrid, 0, 0, 0, nullptr};
  auto columnsFrom = [&](int64_t c) HENCE_INLINE_LAMBDA { return int(a.n - c < kLanes ? a.n - c : kLanes); };
  for (int64_t c = 0; c < a.n; c += kLanes) {
    const F zeros = toFloat(scales.columnZeros(c, columnsFrom(c)));
    const float* from = (const float*)a.w.data + c / kLanes * step;
    for (int64_t t = 0; t < step; t += kLanes) store(weights + c / kLanes * step + t, load(from + t) - zeros);
  }
  const float zero = a.xGrid.zero ? a.xGrid.zero[0] : 0;
  const Output plain{sums, nullptr, nullptr, a.n, a.n, {}}, out{a.y, a.bias, a.residual, a.n, a.n, a.finish};
  const Bounds bounds(plain);
  DepthwiseTaps window{{}, w.width, w.kernelWidth, w.strideWidth, w.dilationWidth, int64_t(w.dilationHeight) * w.width * pixelStep, pixelStep, step};
  const Range mine = thread.share(w.batch * w.outHeight);
  int64_t image = -1, lineEnd = 0, base = 0;  // lines [base, lineEnd) of an image are there
  for (int64_t row = mine.begin; row < mine.end; row++) {
    const int64_t r = row % w.outHeight, top = r * w.strideHeight - w.padTop;
    window.rows = tapsInside(top, w.dilationHeight, w.kernelHeight, w.height);
    const int64_t bottom = window.rows.size() ? top + (window.rows.end - 1) * w.dilationHeight + 1 : 0;
    if (row / w.outHeight != image || bottom > lineEnd) {
      image = row / w.outHeight, base = top < 0 ? 0 : top;
      lineEnd = base + band.lines < w.height ? base + band.lines : w.height;
      const uint8_t* from = a.x + (image * w.height + base) * w.width * pixelStep;
      const int64_t count = (lineEnd - base) * w.width * pixelStep;
      if (count > 0 && a.isSigned) bytesToFloats<int8_t>(from, count, zero, lines);
      else if (count > 0) bytesToFloats<uint8_t>(from, count, zero, lines);
    }
    const float* x = lines + (top - base) * w.width * pixelStep;
    int64_t column = 0;
    auto run = [&]<int P>() {
      for (; column + P <= w.outWidth; column += P) depthwisePixels<P>(window, x, column * w.strideWidth - w.padLeft, weights, plain, bounds, column);
    };
    run.template operator()<kDepthwisePixels>();
    if constexpr (kDepthwisePixels > 2) run.template operator()<2>();
    run.template operator()<1>();
    for (int64_t c = 0; c < a.n; c += kLanes) {
      const F scale = set1(a.xGrid.scale[0]) * scales.columnScales(c, columnsFrom(c));
      finishEach(out, row * w.outWidth, w.outWidth, c, [&](int64_t p) HENCE_INLINE_LAMBDA { return load(sums + p * a.n + c) * scale; });
    }
  }
}

}  // namespace hence::HENCE_TARGET

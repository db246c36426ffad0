// Convolution of bytes as a product: a row is what an output pixel sees, tap after tap, channels of a tap together.
#pragma once
#include "conv-pixels.h"
#include "quantised-depthwise.h"
#include "quantised-matmul.h"
#include "window-taps.h"

namespace hence::HENCE_TARGET {

// Pixels beyond the image count as x's zero point.
HENCE_INLINE uint8_t zeroByte(const ByteGrid& grid) { return grid.zero ? uint8_t(int32_t(grid.zero[0])) : 0; }

HENCE_INLINE void copyBytes(uint8_t* to, const uint8_t* from, int64_t count) {
  struct Sixteen { uint8_t bytes[16]; };
  if (count < 16) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i];
    return;
  }
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) *(Sixteen*)(to + i) = *(const Sixteen*)(from + i);
  if (i < count) *(Sixteen*)(to + count - 16) = *(const Sixteen*)(from + count - 16);
}

// The bytes under one window, channels [channel, channel + depth) of each pixel.
HENCE_INLINE void gatherWindow(const WindowShape& w, const uint8_t* image, int64_t depth, int64_t top, int64_t left, uint8_t beyond, uint8_t* to) {
  const bool joined = depth == w.channels && w.dilationWidth == 1;  // the taps of a kernel row follow each other
  const Range inside = tapsInside(left, w.dilationWidth, w.kernelWidth, w.width);
  auto fill = [&](int64_t taps) HENCE_INLINE_LAMBDA {
    if (taps > 0) std::memset(to, beyond, size_t(taps * depth));
    to += taps * depth;
  };
  for (int32_t i = 0; i < w.kernelHeight; i++) {
    const int64_t v = top + int64_t(i) * w.dilationHeight;
    if (v < 0 || v >= w.height || inside.size() == 0) {
      fill(w.kernelWidth);
      continue;
    }
    const uint8_t* from = image + (v * w.width + left + inside.begin * w.dilationWidth) * w.channels;
    fill(inside.begin);
    if (joined) {
      copyBytes(to, from, inside.size() * depth);
      to += inside.size() * depth;
    } else {
      for (int64_t j = inside.begin; j < inside.end; j++, to += depth, from += int64_t(w.dilationWidth) * w.channels) copyBytes(to, from, depth);
    }
    fill(w.kernelWidth - inside.end);
  }
}

// Every pixel is what its only tap sees.
HENCE_INLINE bool isPointwise(const QuantisedConvArgs& args) {
  const WindowShape& w = args.window;
  return args.groups == 1 && w.kernelHeight == 1 && w.kernelWidth == 1 && w.strideHeight == 1 && w.strideWidth == 1 && w.padTop == 0 && w.padLeft == 0 && w.outHeight == w.height && w.outWidth == w.width;
}

HENCE_INLINE bool isByteDepthwise(const QuantisedConvArgs& args) { return args.product.w.layout == Layout::F32; }

static size_t quantisedConvWorkspace(const QuantisedConvArgs& args, int threads) {
  if (isByteDepthwise(args)) return byteDepthwiseWorkspace(args, threads);
  return ByteBlock(pixelCount(args.window), args.product.w.k, args.product.isSigned).workspace(threads);
}

static void quantisedConv(const QuantisedConvArgs& args, const Thread& thread) {
  if (pixelCount(args.window) == 0) return;
  if (isByteDepthwise(args)) return byteDepthwise(args, thread);
  const WindowShape& w = args.window;
  QuantisedMatmulArgs product = args.product;
  product.rows = pixelCount(w);
  const int64_t filters = product.n / args.groups, depth = w.channels / args.groups;
  const uint8_t beyond = zeroByte(product.xGrid);
  PackedMatrix weights = product.w;
  weights.n = int32_t(filters);
  for (int64_t g = 0; g < args.groups; g++, weights.data += size_t(panelCount(filters)) * panelBytes(weights.layout, weights.k)) {
    if (g > 0) thread.barrier();  // the workspace is still in use
    multiplyByteRows(product, weights, g * filters, filters, isPointwise(args) ? product.x : nullptr, thread, [&](int64_t pixel, ByteForm form, uint8_t* scratch, uint8_t* to) HENCE_INLINE_LAMBDA {
      const PixelWalk at(w, pixel);
      uint8_t* row = form.isWide() ? scratch : to;
      gatherWindow(w, product.x + at.image * w.height * w.width * w.channels + g * depth, depth, at.top(), at.left(), beyond, row);
      packByteRow(row, weights.k, form, to);
    });
  }
}

}  // namespace hence::HENCE_TARGET

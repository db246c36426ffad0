// Depthwise convolution, one filter a channel: sixteen channels are the lanes of a vector, and a few pixels times a few
// vectors are summed in registers. Taps beside the image read zeros, lines above and below it are left out.
#pragma once
#include "conv-dense.h"
#include "window-taps.h"

namespace hence::HENCE_TARGET {

// Pixels and vectors of a register tile: a weight meets all pixels, a pixel's vectors follow each other in memory.
constexpr int kDepthwisePixels = kAccumulators >= 24 ? 4 : 2;
constexpr int kDepthwiseVectors = kAccumulators >= 24 ? 4 : 2;

struct DepthwiseTaps {
  Range rows;                    // kernel rows inside the image
  int64_t width, kernelWidth, stride, dilation;
  int64_t lineStep, pixelStep;   // floats between neighbouring kernel rows, neighbouring pixels of the image
  int64_t weightStep;            // weights of a vector: [kernel rows][kernelWidth][16], this many floats from the next
};

alignas(64) static const float kBeyond[kDepthwiseVectors * kLanes] = {};

// sum[P][V] of P pixels, the first of which has its window's left edge at `left`; x points at pixel 0 of the window's line.
// `lanes` of the last vector exist where it is partial.
template <int P, int V, bool Partial>
HENCE_INLINE void depthwiseTile(const DepthwiseTaps& taps, const float* x, int64_t left, const float* weights, int lanes, F (&sum)[P][V]) {
  HENCE_UNROLL for (int p = 0; p < P; p++) HENCE_UNROLL for (int v = 0; v < V; v++) sum[p][v] = zero();
  for (int64_t i = taps.rows.begin; i < taps.rows.end; i++) {
    const float *line = x + i * taps.lineStep, *w = weights + i * taps.kernelWidth * kLanes;
    for (int64_t j = 0, u = left; j < taps.kernelWidth; j++, u += taps.dilation, w += kLanes) {
      const float* from[P];
      HENCE_UNROLL for (int p = 0; p < P; p++) {
        const int64_t at = u + p * taps.stride;
        from[p] = uint64_t(at) < uint64_t(taps.width) ? line + at * taps.pixelStep : kBeyond;
      }
      HENCE_UNROLL for (int v = 0; v < V; v++) {
        const F weight = load(w + v * taps.weightStep);
        HENCE_UNROLL for (int p = 0; p < P; p++)
          sum[p][v] = fma(weight, Partial && v == V - 1 ? loadPartial(from[p] + v * kLanes, lanes) : load(from[p] + v * kLanes), sum[p][v]);
      }
    }
  }
}

// Activations that are bounds, applied in registers.
struct Bounds {
  F low, high;
  bool suffice;
  HENCE_INLINE explicit Bounds(const Output& out) {
    const float infinity = __builtin_inff();
    const Activation a = out.finish.activation;
    low = set1(a == Activation::Relu ? 0 : a == Activation::Clip ? out.finish.a : -infinity);
    high = set1(a == Activation::Clip ? out.finish.b : infinity);
    suffice = !out.residual && (a == Activation::None || a == Activation::Relu || a == Activation::Clip);
  }
};

// All channels of P output pixels from `row` (a row of the output matrix) on.
template <int P> __attribute__((noinline)) void depthwisePixels(const DepthwiseTaps& taps, const float* x, int64_t left, const float* weights, const Output& out, const Bounds& bounds, int64_t row) {
  int64_t channel = 0;
  auto run = [&]<int V, bool Partial>(int lanes) HENCE_INLINE_LAMBDA {
    F sum[P][V];
    depthwiseTile<P, V, Partial>(taps, x + channel, left, weights + channel / kLanes * taps.weightStep, lanes, sum);
    if (bounds.suffice && !Partial) {
      HENCE_UNROLL for (int v = 0; v < V; v++) {
        const F bias = out.bias ? load(out.bias + channel + v * kLanes) : zero();
        HENCE_UNROLL for (int p = 0; p < P; p++) store(out.y + (row + p) * out.pitch + channel + v * kLanes, clip(sum[p][v] + bias, bounds.low, bounds.high));
      }
    } else {
      alignas(64) float sums[P * kLanes];
      HENCE_UNROLL for (int v = 0; v < V; v++) {
        HENCE_UNROLL for (int p = 0; p < P; p++) store(sums + p * kLanes, sum[p][v]);
        finishRows(out, row, P, channel + v * kLanes, sums);
      }
    }
    channel += V * kLanes;
  };
  for (; channel + kDepthwiseVectors * kLanes <= out.n;) run.template operator()<kDepthwiseVectors, false>(kLanes);
  if (channel == out.n) return;
  const int vectors = int((out.n - channel + kLanes - 1) / kLanes), lanes = int(out.n - channel - (vectors - 1) * kLanes);
  auto rest = [&]<int V>() HENCE_INLINE_LAMBDA {
    if (lanes == kLanes) run.template operator()<V, false>(kLanes);
    else run.template operator()<V, true>(lanes);
  };
  if constexpr (kDepthwiseVectors > 2) {
    if (vectors == 4) return rest.template operator()<4>();
    if (vectors == 3) return rest.template operator()<3>();
  }
  if (vectors == 2) return rest.template operator()<2>();
  rest.template operator()<1>();
}

static void convDepthwise(const ConvArgs& args, const Thread& thread) {
  const WindowShape& w = args.window;
  const Output out = outputOf(args, 0, args.n);
  const Bounds bounds(out);
  const float* weights = (const float*)args.w.data;
  DepthwiseTaps taps{{}, w.width, w.kernelWidth, w.strideWidth, w.dilationWidth, int64_t(w.dilationHeight) * w.width * w.channels, w.channels, int64_t(w.kernelHeight) * w.kernelWidth * kLanes};
  const Range rows = thread.share(w.batch * w.outHeight);
  for (int64_t row = rows.begin; row < rows.end; row++) {
    const int64_t image = row / w.outHeight, top = row % w.outHeight * w.strideHeight - w.padTop;
    taps.rows = tapsInside(top, w.dilationHeight, w.kernelHeight, w.height);
    const float* x = args.x + (image * w.height + top) * w.width * w.channels;
    int64_t column = 0;
    auto run = [&]<int P>() {
      for (; column + P <= w.outWidth; column += P)
        depthwisePixels<P>(taps, x, column * w.strideWidth - w.padLeft, weights, out, bounds, row * w.outWidth + column);
    };
    run.template operator()<kDepthwisePixels>();
    if constexpr (kDepthwisePixels > 2) run.template operator()<2>();
    run.template operator()<1>();
  }
}

}  // namespace hence::HENCE_TARGET

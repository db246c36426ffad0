// Largest or average pixel of a window, channel by channel.
#pragma once
#include "../kernels.h"
#include "../dot.h"
#include "window-taps.h"

namespace hence::HENCE_TARGET {

constexpr int kPoolVectors = 4;  // sixteen channels each, while a pixel's line is at hand

// `vectors` times sixteen channels of one window; the last vector has `rest` channels.
template <bool IsMax, int V> HENCE_INLINE void poolChannels(const float* x, int64_t lineStep, int64_t pixelStep, Range rows, Range columns, float divisor, int rest, float* y) {
  F best[V];
  HENCE_UNROLL for (int v = 0; v < V; v++) best[v] = IsMax ? set1(-__builtin_inff()) : zero();
  for (int64_t i = rows.begin; i < rows.end; i++)
    for (int64_t j = columns.begin; j < columns.end; j++) {
      const float* at = x + i * lineStep + j * pixelStep;
      HENCE_UNROLL for (int v = 0; v < V; v++) {
        const F value = v == V - 1 && rest < kLanes ? loadPartial(at + v * kLanes, rest) : load(at + v * kLanes);
        if constexpr (IsMax) best[v] = selectNaN(best[v], best[v], max(best[v], value));
        else best[v] = best[v] + value;
      }
    }
  HENCE_UNROLL for (int v = 0; v < V; v++) {
    const F result = IsMax ? best[v] : best[v] / set1(divisor);
    if (v == V - 1 && rest < kLanes) storePartial(y + v * kLanes, result, rest);
    else store(y + v * kLanes, result);
  }
}

template <bool IsMax> static void poolRows(const PoolArgs& args, const Thread& thread) {
  const WindowShape& w = args.window;
  const int64_t lineStep = w.dilationHeight * w.width * w.channels, pixelStep = int64_t(w.dilationWidth) * w.channels;
  // Where there are fewer rows of pixels than threads, as in global pooling, channels are shared out instead.
  const int64_t rows = w.batch * w.outHeight, vectors = (w.channels + kLanes - 1) / kLanes;
  const bool byRows = rows >= thread.count;
  const Range mine = byRows ? thread.share(rows) : Range{0, rows}, part = byRows ? Range{0, vectors} : thread.share(vectors);
  for (int64_t row = mine.begin; row < mine.end; row++) {
    const int64_t image = row / w.outHeight, top = row % w.outHeight * w.strideHeight - w.padTop;
    const Range down = tapsInside(top, w.dilationHeight, w.kernelHeight, w.height);
    const Range downCounted = args.kind == PoolKind::AverageWithPads ? tapsInside(top + w.padTop, w.dilationHeight, w.kernelHeight, w.height + w.padTop + args.padBottom) : down;
    for (int64_t column = 0; column < w.outWidth; column++) {
      const int64_t left = column * w.strideWidth - w.padLeft;
      const Range across = tapsInside(left, w.dilationWidth, w.kernelWidth, w.width);
      const Range acrossCounted = args.kind == PoolKind::AverageWithPads ? tapsInside(left + w.padLeft, w.dilationWidth, w.kernelWidth, w.width + w.padLeft + args.padRight) : across;
      const float divisor = float(downCounted.size() * acrossCounted.size());
      const float* x = args.x + ((image * w.height + top) * w.width + left) * w.channels;
      float* y = args.y + (row * w.outWidth + column) * w.channels;
      int64_t v = part.begin;
      auto restOf = [&](int64_t end) { return int(w.channels - (end - 1) * kLanes < kLanes ? w.channels - (end - 1) * kLanes : kLanes); };
      for (; v + kPoolVectors <= part.end; v += kPoolVectors)
        poolChannels<IsMax, kPoolVectors>(x + v * kLanes, lineStep, pixelStep, down, across, divisor, restOf(v + kPoolVectors), y + v * kLanes);
      for (; v < part.end; v++) poolChannels<IsMax, 1>(x + v * kLanes, lineStep, pixelStep, down, across, divisor, restOf(v + 1), y + v * kLanes);
    }
  }
}

static void pool(const PoolArgs& args, const Thread& thread) {
  if (args.kind == PoolKind::Max) poolRows<true>(args, thread);
  else poolRows<false>(args, thread);
}

}  // namespace hence::HENCE_TARGET

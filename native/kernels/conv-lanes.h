// Convolution in which a filter sees few channels of its own (small groups): sixteen filters are the lanes of a
// vector, and channels are spread so that lane l of vector c is what filter l sees as its channel c. Rows of the image are
// spread into a ring, with zeros at their sides, and meet all kernel rows from there.
#pragma once
#include "conv-dense.h"

namespace hence::HENCE_TARGET {

#if defined(__AVX512F__)
constexpr int kLanePixels = 14;  // sizes of images are often multiples of it
#else
constexpr int kLanePixels = kAccumulators;
#endif

constexpr int64_t kRingBytes = 28 << 10;  // stays in the first-level cache beside the weights

struct LaneShape {
  int64_t filters, depth, lanes, blocks;  // filters and channels per group, filters per block of lanes
  int64_t strip, ringRows, rowPixels;     // output columns done together, pixels of a spread line with those at its sides
  HENCE_INLINE explicit LaneShape(const ConvArgs& args) {
    const WindowShape& w = args.window;
    filters = args.n / args.groups;
    depth = w.channels / args.groups;
    lanes = kLanes / filters * filters;
    blocks = (args.n + lanes - 1) / lanes;
    ringRows = int64_t(w.kernelHeight - 1) * w.dilationHeight + 1;
    const int64_t reach = int64_t(w.kernelWidth - 1) * w.dilationWidth + 1;
    const int64_t pixelBytes = ringRows * depth * kLanes * 4, fitting = (kRingBytes / pixelBytes - reach) / w.strideWidth + 1;
    strip = fitting < kLanePixels ? kLanePixels : fitting / kLanePixels * kLanePixels;
    if (strip > w.outWidth) strip = w.outWidth;
    rowPixels = (strip - 1) * w.strideWidth + reach;
  }
  HENCE_INLINE int64_t pixelFloats() const { return depth * kLanes; }
  HENCE_INLINE int64_t rowFloats() const { return rowPixels * pixelFloats(); }
};

HENCE_INLINE size_t lanesThreadBytes(const ConvArgs& args) {
  const LaneShape s(args);
  return size_t(s.ringRows * s.rowFloats() + s.strip * kLanes) * 4;
}

// Spreads the channels of a block's groups over its lanes. Up to sixteen channels are one vector that is permuted for every
// channel of a group; more of them, as each group may see, are copied number by number.
class Spread {
 public:
  HENCE_INLINE Spread(const LaneShape& s, int64_t groups) : filters_(s.filters), depth_(s.depth), groups_(groups) {
    if (groups * s.depth > kLanes) return;
    int32_t lanes[kLanes];
    for (int64_t l = 0; l < kLanes; l++) lanes[l] = int32_t(l / s.filters < groups ? l / s.filters * s.depth : 0);
    first_ = iload(lanes);
  }
  // `count` pixels `step` floats apart.
  __attribute__((noinline)) void pixels(const float* x, int64_t step, int64_t count, float* to) const {
    const int channels = int(groups_ * depth_);
    if (channels > kLanes) {
      for (; count > 0; count--, x += step, to += depth_ * kLanes) pixel(x, to);
      return;
    }
    for (; count > 0; count--, x += step) {
      __builtin_prefetch(x + 32 * step);  // too far apart for the hardware to follow
      const F all = channels == kLanes ? load(x) : loadPartial(x, channels);
      I from = first_;
      for (int64_t c = 0; c < depth_; c++, from = from + iset1(1), to += kLanes) store(to, permute(all, from));
    }
  }

 private:
  void pixel(const float* x, float* to) const {
    for (int64_t c = 0; c < depth_; c++)
      for (int64_t g = 0; g < groups_; g++)
        for (int64_t f = 0; f < filters_; f++) to[c * kLanes + g * filters_ + f] = x[g * depth_ + c];
  }

  int64_t filters_, depth_, groups_;
  I first_ = iset1(0);
};

// What a stretch of output pixels needs: kernel rows that lie in the image, and steps in vectors.
struct LaneTaps {
  const float* lines[64];    // spread lines of a run of kernel rows
  const float* weights[64];  // [kernelWidth][depth][16] of each
  int rows, columns, depth;
  int64_t tapStep, pixelStep;  // vectors between neighbouring taps, neighbouring output pixels
};

// sums[R][16] of R pixels from `pixel` on; Step is the pixel step, or 0 for any.
template <int R, int Step> HENCE_INLINE void lanePixels(const LaneTaps& taps, int64_t pixel, float* sums, bool isFirst) {
  const int64_t step = (Step ? Step : taps.pixelStep) * kLanes;
  F sum[R];
  HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = isFirst ? zero() : load(sums + (pixel + r) * kLanes);
  for (int i = 0; i < taps.rows; i++) {
    const float *x = taps.lines[i] + pixel * step, *w = taps.weights[i];
    for (int j = 0; j < taps.columns; j++, x += taps.tapStep * kLanes)
      for (int c = 0; c < taps.depth; c++, w += kLanes) {
        const F weight = load(w);
        HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = fma(weight, load(x + c * kLanes + r * step), sum[r]);
      }
  }
  HENCE_UNROLL for (int r = 0; r < R; r++) store(sums + (pixel + r) * kLanes, sum[r]);
}

template <int Step> __attribute__((noinline)) void laneLine(const LaneTaps& taps, int64_t pixels, float* sums, bool isFirst) {
  int64_t at = 0;
  for (; at + kLanePixels <= pixels; at += kLanePixels) lanePixels<kLanePixels, Step>(taps, at, sums, isFirst);
  if constexpr (kLanePixels / 2 > 1)
    for (; at + kLanePixels / 2 <= pixels; at += kLanePixels / 2) lanePixels<kLanePixels / 2, Step>(taps, at, sums, isFirst);
  for (; at < pixels; at++) lanePixels<1, Step>(taps, at, sums, isFirst);
}

HENCE_INLINE void laneLineOf(const LaneTaps& taps, int64_t pixels, float* sums, bool isFirst) {
  switch (taps.pixelStep) {
    case 1: return laneLine<1>(taps, pixels, sums, isFirst);
    case 2: return laneLine<2>(taps, pixels, sums, isFirst);
    case 4: return laneLine<4>(taps, pixels, sums, isFirst);
    case 8: return laneLine<8>(taps, pixels, sums, isFirst);
    case 16: return laneLine<16>(taps, pixels, sums, isFirst);
    default: return laneLine<0>(taps, pixels, sums, isFirst);
  }
}

// Output rows and columns of one image and one block of lanes.
static void lanePatch(const ConvArgs& args, const LaneShape& s, int64_t image, int64_t block, Range range, Range columns, float* ring, float* sums) {
  const WindowShape& w = args.window;
  const int64_t firstGroup = block * (s.lanes / s.filters), left = args.groups - firstGroup, groups = left < s.lanes / s.filters ? left : s.lanes / s.filters;
  const float* x = args.x + image * w.height * w.width * w.channels + firstGroup * s.depth;
  const float* weights = (const float*)args.w.data + block * w.kernelHeight * w.kernelWidth * s.pixelFloats();
  const int64_t first = columns.begin * w.strideWidth - w.padLeft, begin = first < 0 ? 0 : first;
  const int64_t end = first + s.rowPixels < w.width ? first + s.rowPixels : w.width;  // pixels of a line that are seen
  std::memset(ring, 0, size_t(s.ringRows * s.rowFloats()) * 4);
  const Spread spread(s, groups);
  const Output out = outputOf(args, block * s.lanes, groups * s.filters);
  int64_t next = 0;  // first line not spread yet
  for (int64_t row = range.begin; row < range.end; row++) {
    const int64_t top = row * w.strideHeight - w.padTop, bottom = top + s.ringRows < w.height ? top + s.ringRows : w.height;
    for (next = next < top ? top : next; next < bottom; next++)
      spread.pixels(x + (next * w.width + begin) * w.channels, w.channels, end - begin, ring + next % s.ringRows * s.rowFloats() + (begin - first) * s.pixelFloats());
    LaneTaps taps;
    taps.columns = w.kernelWidth, taps.depth = int(s.depth), taps.rows = 0;
    taps.tapStep = w.dilationWidth * s.depth, taps.pixelStep = w.strideWidth * s.depth;
    bool isFirst = true;
    for (int32_t i = 0; i < w.kernelHeight; i++) {
      const int64_t v = top + int64_t(i) * w.dilationHeight;
      if (v < 0 || v >= w.height) continue;
      taps.lines[taps.rows] = ring + v % s.ringRows * s.rowFloats();
      taps.weights[taps.rows++] = weights + i * w.kernelWidth * s.pixelFloats();
      if (taps.rows < 64) continue;
      laneLineOf(taps, columns.size(), sums, isFirst);
      taps.rows = 0, isFirst = false;
    }
    if (taps.rows > 0 || isFirst) laneLineOf(taps, columns.size(), sums, isFirst);
    finishRows(out, (image * w.outHeight + row) * w.outWidth + columns.begin, columns.size(), 0, sums);
  }
}

static void convLanes(const ConvArgs& args, const Thread& thread) {
  const LaneShape s(args);
  const WindowShape& w = args.window;
  float* ring = (float*)(args.workspace + size_t(thread.index) * ((lanesThreadBytes(args) + 63) / 64 * 64));
  float* sums = ring + s.ringRows * s.rowFloats();
  // Rows are cut only where there are not enough patches: a cut spreads some lines twice.
  const int64_t strips = (w.outWidth + s.strip - 1) / s.strip, planes = w.batch * s.blocks * strips;
  const int64_t parts = planes % thread.count == 0 || planes >= 8 * thread.count ? 1 : thread.count;
  const Range items = thread.share(planes * parts);
  for (int64_t i = items.begin; i < items.end; i++) {
    const int64_t plane = i / parts, column = plane % strips * s.strip;
    const Range rows = cut(w.outHeight, 1, int(i % parts), int(parts)), columns = {column, column + s.strip < w.outWidth ? column + s.strip : w.outWidth};
    lanePatch(args, s, plane / strips / s.blocks, plane / strips % s.blocks, rows, columns, ring, sums);
  }
}

}  // namespace hence::HENCE_TARGET

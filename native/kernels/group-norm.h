// Normalization of groups of channels over all pixels of an image, in two walks over x. The first takes a few pixels at a
// time, finds the mean of each channel and the squares of the distance from it while they are in cache, and joins these
// moments in doubles; threads share the pixels.
// Source: Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
#pragma once
#include "../kernels.h"
#include "../dot.h"

namespace hence::HENCE_TARGET {

constexpr int kGroupNormVectors = kAccumulators >= 24 ? 4 : 1;  // side by side in registers
constexpr int64_t kGroupNormPixels = 128;  // at most so many are added up before they join the total
constexpr int64_t kGroupNormBytes = 64 << 10;  // of pixels that stay in cache while their channels take turns

HENCE_INLINE int64_t groupNormChannels(const GroupNormArgs& a) { return (a.channels + kLanes - 1) / kLanes * kLanes; }

// Of each thread means and squares of all channels, then in floats means, factors and addends of the result.
inline size_t groupNormWorkspace(const GroupNormArgs& a, int threads) { return size_t(groupNormChannels(a)) * (16 + 12) * size_t(threads); }

// to[c] = Σ over pixels of x[c]; or Σ of x[c] - mean[c], and square[c] = Σ of (x[c] - mean[c])².
template <bool IsSquare, int V>
HENCE_INLINE void sumPixels(const float* x, int64_t pitch, int64_t pixels, const float* mean, int last, float* to, float* square) {
  auto get = [&](const float* p, int v) HENCE_INLINE_LAMBDA { return v == V - 1 && last < kLanes ? loadPartial(p + v * kLanes, last) : load(p + v * kLanes); };
  F means[V], sums[V], squares[V];
  HENCE_UNROLL for (int v = 0; v < V; v++) means[v] = IsSquare ? load(mean + v * kLanes) : zero(), sums[v] = squares[v] = zero();
  for (int64_t i = 0; i < pixels; i++)
    HENCE_UNROLL for (int v = 0; v < V; v++) {
      const F value = IsSquare ? get(x + i * pitch, v) - means[v] : get(x + i * pitch, v);
      sums[v] = sums[v] + value;
      if constexpr (IsSquare) squares[v] = fma(value, value, squares[v]);
    }
  HENCE_UNROLL for (int v = 0; v < V; v++) {
    store(to + v * kLanes, sums[v]);
    if constexpr (IsSquare) store(square + v * kLanes, squares[v]);
  }
}

template <bool IsSquare> inline void sumChannels(const GroupNormArgs& a, const float* x, int64_t pixels, const float* mean, float* to, float* square) {
  int64_t c = 0;
  for (; c + kGroupNormVectors * kLanes <= a.channels; c += kGroupNormVectors * kLanes)
    sumPixels<IsSquare, kGroupNormVectors>(x + c, a.channels, pixels, mean + c, kLanes, to + c, square + c);
  for (; c < a.channels; c += kLanes)
    sumPixels<IsSquare, 1>(x + c, a.channels, pixels, mean + c, a.channels - c < kLanes ? int(a.channels - c) : kLanes, to + c, square + c);
}

// Mean and sum of squared distances from it of every channel; `part`, `rest` and `square` have room for all channels.
inline void channelMoments(const GroupNormArgs& a, const float* x, Range pixels, float* part, float* rest, float* square, double* means, double* squares) {
  for (int64_t c = 0; c < a.channels; c++) means[c] = squares[c] = 0;
  const int64_t fitting = kGroupNormBytes / (a.channels * 4), step = fitting < 16 ? 16 : fitting < kGroupNormPixels ? fitting : kGroupNormPixels;
  for (int64_t p = pixels.begin; p < pixels.end; p += step) {
    const float* from = x + p * a.channels;
    const int64_t count = pixels.end - p < step ? pixels.end - p : step;
    sumChannels<false>(a, from, count, part, part, square);
    const float share = 1.0f / float(count);
    for (int64_t c = 0; c < a.channels; c++) part[c] *= share;
    sumChannels<true>(a, from, count, part, rest, square);
    const double before = double(p - pixels.begin), weight = double(count) / (before + double(count));
    for (int64_t c = 0; c < a.channels; c++) {
      // `part` was rounded; `rest` says by how much.
      const double off = double(rest[c]) / double(count), distance = double(part[c]) + off - means[c];
      means[c] += distance * weight;
      squares[c] += double(square[c]) - off * off * double(count) + distance * distance * before * weight;
    }
  }
}

// One image; `members` threads of which this is `member` share its pixels.
inline void normImage(const GroupNormArgs& a, const Thread& t, int64_t image, int member, int members) {
  const int64_t width = groupNormChannels(a), perGroup = a.channels / a.groups;
  double* const means = (double*)a.workspace + (members == 1 ? t.index : 0) * 2 * width;
  double* const squares = means + int64_t(members) * width;
  float* const mean = (float*)((double*)a.workspace + int64_t(t.count) * 2 * width) + t.index * 3 * width;
  float *const factor = mean + width, *const shift = factor + width;
  const float* x = a.x + image * a.pixels * a.channels;
  auto pixelsOf = [&](int m) { return Range{a.pixels * m / members, a.pixels * (m + 1) / members}; };
  const Range pixels = pixelsOf(member);
  channelMoments(a, x, pixels, mean, factor, shift, means + member * width, squares + member * width);
  if (members > 1) t.barrier();
  for (int64_t g = 0; g < a.groups; g++) {
    const double count = double(a.pixels) * double(perGroup);
    auto each = [&](const auto& body) {
      for (int m = 0; m < members; m++)
        for (int64_t c = g * perGroup; c < (g + 1) * perGroup; c++) body(m * width + c, double(pixelsOf(m).size()));
    };
    double total = 0, distances = 0;
    each([&](int64_t at, double size) { total += means[at] * size; });
    const double center = total / count;
    each([&](int64_t at, double size) { distances += squares[at] + size * (means[at] - center) * (means[at] - center); });
    const float f = float(1.0 / __builtin_sqrt(distances / count + double(a.epsilon)));
    for (int64_t c = g * perGroup; c < (g + 1) * perGroup; c++) {
      mean[c] = float(center), factor[c] = a.weight ? f * a.weight[c] : f;
      // What rounding took from the mean goes to the addend.
      shift[c] = float((a.bias ? double(a.bias[c]) : 0.0) - (center - double(mean[c])) * double(factor[c]));
    }
  }
  float* y = a.y + image * a.pixels * a.channels;
  for (int64_t p = pixels.begin; p < pixels.end; p++) {
    const float* from = x + p * a.channels;
    float* to = y + p * a.channels;
    int64_t c = 0;
    for (; c + kLanes <= a.channels; c += kLanes)
      store(to + c, fma(load(from + c) - load(mean + c), load(factor + c), load(shift + c)));
    if (const int n = int(a.channels - c))
      storePartial(to + c, fma(loadPartial(from + c, n) - loadPartial(mean + c, n), loadPartial(factor + c, n), loadPartial(shift + c, n)), n);
  }
}

inline void groupNorm(const GroupNormArgs& a, const Thread& t) {
  if (a.batch >= t.count) {
    const Range images = t.share(a.batch);
    for (int64_t image = images.begin; image < images.end; image++) normImage(a, t, image, 0, 1);
    return;
  }
  for (int64_t image = 0; image < a.batch; image++) {
    normImage(a, t, image, t.index, t.count);
    t.barrier();  // moments are used again
  }
}

}  // namespace hence::HENCE_TARGET

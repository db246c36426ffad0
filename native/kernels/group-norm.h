// Normalization of groups of channels over all pixels of an image. Three walks over x: sums, squares of the distance from
// the mean, results. Sums of channels run in f32 over a few pixels, then join doubles; threads share the pixels.
#pragma once
#include "../kernels.h"
#include "../dot.h"

namespace hence::HENCE_TARGET {

constexpr int kGroupNormVectors = 4;       // side by side in registers
constexpr int64_t kGroupNormPixels = 128;  // at most so many are added up before they join the total
constexpr int64_t kGroupNormBytes = 64 << 10;  // of pixels that stay in cache while their channels take turns

HENCE_INLINE int64_t groupNormChannels(const GroupNormArgs& a) { return (a.channels + kLanes - 1) / kLanes * kLanes; }

// Of each thread sums and squares of all channels, then means, factors of all channels twice over.
inline size_t groupNormWorkspace(const GroupNormArgs& a, int threads) { return size_t(groupNormChannels(a)) * (16 + 8) * size_t(threads); }

// total[c] += Σ over pixels of x[c], or of (x[c] - mean[c])².
template <bool IsSquare, int V>
HENCE_INLINE void addPixels(const float* x, int64_t pitch, int64_t pixels, const float* mean, int last, double* total) {
  auto get = [&](const float* p, int v) HENCE_INLINE_LAMBDA { return v == V - 1 && last < kLanes ? loadPartial(p + v * kLanes, last) : load(p + v * kLanes); };
  F means[V];
  HENCE_UNROLL for (int v = 0; v < V; v++) means[v] = IsSquare ? load(mean + v * kLanes) : zero();
  F sums[V];
  HENCE_UNROLL for (int v = 0; v < V; v++) sums[v] = zero();
  for (int64_t i = 0; i < pixels; i++)
    HENCE_UNROLL for (int v = 0; v < V; v++) {
      const F value = get(x + i * pitch, v);
      if constexpr (IsSquare) sums[v] = fma(value - means[v], value - means[v], sums[v]);
      else sums[v] = sums[v] + value;
    }
  alignas(64) float lanes[V * kLanes];
  HENCE_UNROLL for (int v = 0; v < V; v++) store(lanes + v * kLanes, sums[v]);
  for (int c = 0; c < (V - 1) * kLanes + last; c++) total[c] += double(lanes[c]);
}

template <bool IsSquare> inline void addChannels(const GroupNormArgs& a, const float* x, Range pixels, const float* mean, double* total) {
  for (int64_t c = 0; c < a.channels; c++) total[c] = 0;
  const int64_t fitting = kGroupNormBytes / (a.channels * 4), step = fitting < 16 ? 16 : fitting < kGroupNormPixels ? fitting : kGroupNormPixels;
  for (int64_t p = pixels.begin; p < pixels.end; p += step) {
    const float* from = x + p * a.channels;
    const int64_t count = pixels.end - p < step ? pixels.end - p : step;
    for (int64_t c = 0; c < a.channels;) {
      const int64_t left = a.channels - c;
      if (left >= kGroupNormVectors * kLanes) {
        addPixels<IsSquare, kGroupNormVectors>(from + c, a.channels, count, mean + c, kLanes, total + c);
        c += kGroupNormVectors * kLanes;
      } else {
        addPixels<IsSquare, 1>(from + c, a.channels, count, mean + c, left < kLanes ? int(left) : kLanes, total + c);
        c += kLanes;
      }
    }
  }
}

// One image; `members` threads of which this is `member` share its pixels.
inline void normImage(const GroupNormArgs& a, const Thread& t, int64_t image, int member, int members) {
  const int64_t width = groupNormChannels(a), perGroup = a.channels / a.groups;
  double* const sums = (double*)a.workspace + (members == 1 ? t.index : 0) * 2 * width;
  double* const squares = sums + int64_t(members) * width;
  float* const mean = (float*)((double*)a.workspace + int64_t(t.count) * 2 * width) + t.index * 2 * width;
  float* const factor = mean + width;
  const float* x = a.x + image * a.pixels * a.channels;
  const Range pixels{a.pixels * member / members, a.pixels * (member + 1) / members};
  const double count = double(a.pixels) * double(perGroup);
  // Of each group the total over its channels and all members.
  auto ofGroup = [&](const double* parts, int64_t group) {
    double total = 0;
    for (int m = 0; m < members; m++)
      for (int64_t c = group * perGroup; c < (group + 1) * perGroup; c++) total += parts[m * width + c];
    return total;
  };
  addChannels<false>(a, x, pixels, mean, sums + member * width);
  if (members > 1) t.barrier();
  for (int64_t g = 0; g < a.groups; g++) {
    const float m = float(ofGroup(sums, g) / count);
    for (int64_t c = 0; c < perGroup; c++) mean[g * perGroup + c] = m;
  }
  addChannels<true>(a, x, pixels, mean, squares + member * width);
  if (members > 1) t.barrier();
  for (int64_t g = 0; g < a.groups; g++) {
    const float f = float(1.0 / __builtin_sqrt(ofGroup(squares, g) / count + double(a.epsilon)));
    for (int64_t c = g * perGroup; c < (g + 1) * perGroup; c++) factor[c] = a.weight ? f * a.weight[c] : f;
  }
  float* y = a.y + image * a.pixels * a.channels;
  for (int64_t p = pixels.begin; p < pixels.end; p++) {
    const float* from = x + p * a.channels;
    float* to = y + p * a.channels;
    int64_t c = 0;
    for (; c + kLanes <= a.channels; c += kLanes)
      store(to + c, fma(load(from + c) - load(mean + c), load(factor + c), a.bias ? load(a.bias + c) : zero()));
    if (const int n = int(a.channels - c))
      storePartial(to + c, fma(loadPartial(from + c, n) - loadPartial(mean + c, n), loadPartial(factor + c, n), a.bias ? loadPartial(a.bias + c, n) : zero()), n);
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
    t.barrier();  // sums are used again
  }
}

}  // namespace hence::HENCE_TARGET

// Images of another size: every pixel of y is a weighted sum of a few pixels of x, rows first, then columns; or, without
// weights, a copy of one. Which pixels and weights was computed when the program was made, one table for each axis.
#pragma once
#include "../dot.h"
#include "conv-pixels.h"

namespace hence::HENCE_TARGET {

HENCE_INLINE int64_t resizeLine(const ResizeArgs& a) { return (a.width * a.channels + kLanes - 1) / kLanes * kLanes + kLanes; }
inline size_t resizeWorkspace(const ResizeArgs& a, int threads) { return a.rowWeights ? size_t(threads) * size_t(resizeLine(a)) * 4 : 0; }

// to[i] = Σ weights[t] · rows[t][i]. T: how many rows, 0 for any number.
template <int T> void blendRows(const float* x, const int32_t* positions, const float* weights, int taps, int64_t pitch, int64_t count, float* to) {
  auto step = [&](int64_t i, int n) HENCE_INLINE_LAMBDA {
    F sum = zero();
    auto add = [&](int t) HENCE_INLINE_LAMBDA {
      const float* from = x + positions[t] * pitch + i;
      sum = fma(n == kLanes ? load(from) : loadPartial(from, n), set1(weights[t]), sum);
    };
    if constexpr (T > 0) {
      HENCE_UNROLL for (int t = 0; t < T; t++) add(t);
    } else {
      for (int t = 0; t < taps; t++) add(t);
    }
    if (n == kLanes) store(to + i, sum);
    else storePartial(to + i, sum, n);
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) step(i, kLanes);
  if (i < count) step(i, int(count - i));
}

// One line of y from a line of x: for every pixel the sum of `taps` pixels.
template <int T> void blendColumns(const float* line, const int32_t* positions, const float* weights, int given, int64_t pixels, int64_t channels, float* y) {
  const int taps = T > 0 ? T : given;
  if (channels == 1) {
    for (int64_t j = 0; j < pixels; j++, positions += taps, weights += taps) {
      float sum = 0;
      for (int t = 0; t < taps; t++) sum += line[positions[t]] * weights[t];
      y[j] = sum;
    }
    return;
  }
  if (channels < 8) {
    for (int64_t j = 0; j < pixels; j++, positions += taps, weights += taps, y += channels)
      for (int64_t c = 0; c < channels; c++) {
        float sum = 0;
        for (int t = 0; t < taps; t++) sum += line[positions[t] * channels + c] * weights[t];
        y[c] = sum;
      }
    return;
  }
  for (int64_t j = 0; j < pixels; j++, positions += taps, weights += taps, y += channels)
    blendRows<T>(line, positions, weights, taps, channels, channels, y);
}

HENCE_INLINE void blend(const float* x, const int32_t* positions, const float* weights, int taps, int64_t pitch, int64_t count, float* to) {
  if (taps == 2) blendRows<2>(x, positions, weights, taps, pitch, count, to);
  else if (taps == 4) blendRows<4>(x, positions, weights, taps, pitch, count, to);
  else blendRows<0>(x, positions, weights, taps, pitch, count, to);
}

inline void pickColumns(const ResizeArgs& a, const float* line, float* y) {
  if (a.channels == 1) {
    for (int64_t j = 0; j < a.outWidth; j++) y[j] = line[a.columns[j]];
  } else if (a.channels < kLanes) {
    for (int64_t j = 0; j < a.outWidth; j++, y += a.channels)
      for (int64_t c = 0; c < a.channels; c++) y[c] = line[a.columns[j] * a.channels + c];
  } else {
    for (int64_t j = 0; j < a.outWidth; j++, y += a.channels) copyFloats(y, line + a.columns[j] * a.channels, a.channels);
  }
}

// True where lines of y are lines of x, so that only rows are blended.
HENCE_INLINE bool keepsColumns(const ResizeArgs& a) {
  if (a.columnTaps != 1 || a.outWidth != a.width) return false;
  for (int64_t j = 0; j < a.width; j++)
    if (a.columns[j] != j || (a.columnWeights && a.columnWeights[j] != 1.0f)) return false;
  return true;
}

inline void resize(const ResizeArgs& a, const Thread& t) {
  const bool isRowsOnly = keepsColumns(a);
  const Range rows = t.share(a.batch * a.outHeight);
  const int64_t pitch = a.width * a.channels, outPitch = a.outWidth * a.channels;
  float* const line = (float*)a.workspace + t.index * resizeLine(a);
  int64_t before = -1;  // the line of x the last line of y was picked from
  for (int64_t row = rows.begin; row < rows.end; row++) {
    const int64_t i = row % a.outHeight;
    const float* image = a.x + row / a.outHeight * a.height * pitch;
    float* y = a.y + row * outPitch;
    if (!a.rowWeights) {
      const int64_t from = row / a.outHeight * a.height + a.rows[i];
      if (from == before) std::memcpy(y, y - outPitch, size_t(outPitch) * 4);
      else if (isRowsOnly) std::memcpy(y, a.x + from * pitch, size_t(pitch) * 4);
      else pickColumns(a, a.x + from * pitch, y);
      before = from;
      continue;
    }
    const int32_t* positions = a.rows + i * a.rowTaps;
    const float* weights = a.rowWeights + i * a.rowTaps;
    if (isRowsOnly) {
      blend(image, positions, weights, a.rowTaps, pitch, pitch, y);
      continue;
    }
    const float* from = line;
    if (a.rowTaps == 1 && weights[0] == 1.0f) from = image + positions[0] * pitch;
    else blend(image, positions, weights, a.rowTaps, pitch, pitch, line);
    if (a.columnTaps == 2) blendColumns<2>(from, a.columns, a.columnWeights, 2, a.outWidth, a.channels, y);
    else if (a.columnTaps == 4) blendColumns<4>(from, a.columns, a.columnWeights, 4, a.outWidth, a.channels, y);
    else blendColumns<0>(from, a.columns, a.columnWeights, a.columnTaps, a.outWidth, a.channels, y);
  }
}

}  // namespace hence::HENCE_TARGET

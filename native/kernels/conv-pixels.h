// What output pixels see, gathered into rows of a matrix: tap after tap, channels of a tap together, zeros beyond the image.
#pragma once
#include "matmul-rows.h"

namespace hence::HENCE_TARGET {

HENCE_INLINE void copyFloats(float* to, const float* from, int64_t count) {
  if (count < kLanes) {
    storePartial(to, loadPartial(from, int(count)), int(count));
    return;
  }
  for (int64_t i = 0; i + kLanes < count; i += kLanes) store(to + i, load(from + i));
  store(to + count - kLanes, load(from + count - kLanes));
}

// Writes one such row from its beginning to its end.
class RowWriter {
 public:
  HENCE_INLINE RowWriter(float* packed, const SliceShape& shape, int64_t row) : slice_(packed + row * shape.pitch()), next_(shape.rows * shape.pitch()) {}
  HENCE_INLINE void copy(const float* from, int64_t count) {
    write(count, [&](float* to, int64_t n) HENCE_INLINE_LAMBDA { copyFloats(to, from, n), from += n; });
  }
  HENCE_INLINE void zeros(int64_t count) {
    write(count, [](float* to, int64_t n) HENCE_INLINE_LAMBDA { std::memset(to, 0, size_t(n) * 4); });
  }

 private:
  template <class Write> HENCE_INLINE void write(int64_t count, const Write& write) {
    if (count == 0) return;
    if (at_ + count <= kSliceK) {
      write(slice_ + at_, count);
      at_ += count;
      return;
    }
    while (count > 0) {
      if (at_ == kSliceK) slice_ += next_, at_ = 0;
      const int64_t n = count < kSliceK - at_ ? count : kSliceK - at_;
      write(slice_ + at_, n);
      at_ += n, count -= n;
    }
  }
  float* slice_;
  int64_t next_, at_ = 0;
};

HENCE_INLINE int64_t pixelCount(const WindowShape& w) { return w.batch * w.outHeight * w.outWidth; }

// Pixels in order, with the corner of their window.
struct PixelWalk {
  const WindowShape& w;
  int64_t image, row, column;
  HENCE_INLINE PixelWalk(const WindowShape& window, int64_t pixel)
      : w(window), image(pixel / (window.outHeight * window.outWidth)), row(pixel / window.outWidth % window.outHeight), column(pixel % window.outWidth) {}
  HENCE_INLINE int64_t top() const { return row * w.strideHeight - w.padTop; }
  HENCE_INLINE int64_t left() const { return column * w.strideWidth - w.padLeft; }
  HENCE_INLINE void next() {
    if (++column < w.outWidth) return;
    column = 0;
    if (++row < w.outHeight) return;
    row = 0, image++;
  }
};

// Rows [range) of the pixels from `first` on: channels [channel, channel + depth) of every tap.
static __attribute__((noinline)) void packPixels(const WindowShape& w, const float* x, int64_t channel, int64_t depth, int64_t first, Range range, const SliceShape& shape, float* packed) {
  const bool joined = depth == w.channels && w.dilationWidth == 1;  // the taps of a kernel row follow each other
  PixelWalk pixel(w, first + range.begin);
  for (int64_t r = range.begin; r < range.end; r++, pixel.next()) {
    RowWriter out(packed, shape, r);
    const int64_t top = pixel.top(), left = pixel.left();
    const float* image = x + pixel.image * w.height * w.width * w.channels + channel;
    for (int32_t i = 0; i < w.kernelHeight; i++) {
      const int64_t v = top + int64_t(i) * w.dilationHeight;
      if (v < 0 || v >= w.height) {
        out.zeros(w.kernelWidth * depth);
        continue;
      }
      const float* line = image + v * w.width * w.channels;
      if (joined) {
        const int64_t begin = left < 0 ? (-left < w.kernelWidth ? -left : w.kernelWidth) : 0;
        const int64_t inside = w.width - left < w.kernelWidth ? w.width - left : w.kernelWidth, end = inside < begin ? begin : inside;
        out.zeros(begin * depth);
        out.copy(line + (left + begin) * depth, (end - begin) * depth);
        out.zeros((w.kernelWidth - end) * depth);
      } else {
        for (int32_t j = 0; j < w.kernelWidth; j++) {
          const int64_t u = left + int64_t(j) * w.dilationWidth;
          if (u < 0 || u >= w.width) out.zeros(depth);
          else out.copy(line + u * w.channels, depth);
        }
      }
    }
  }
}

}  // namespace hence::HENCE_TARGET

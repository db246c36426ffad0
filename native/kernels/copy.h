// Strided movement of elements. A copy's axes come ordered by the distance of their elements in y. Three inner loops
// cover what occurs: runs that are contiguous on both sides, transpositions (the last axis is contiguous in y, another
// one in x), and everything else element by element; the remaining axes are counted around them.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

constexpr int kTransposeBlock = 16;

template <class T> HENCE_INLINE T elementAt(const uint8_t* p, int64_t i) {
  T v;
  std::memcpy(&v, p + i * int64_t(sizeof(T)), sizeof(T));
  return v;
}
template <class T> HENCE_INLINE void putElement(uint8_t* p, int64_t i, T v) { std::memcpy(p + i * int64_t(sizeof(T)), &v, sizeof(T)); }

// y[j * yStride + i] = x[i * xStride + j] for 16 x 16 elements of 4 bytes.
HENCE_INLINE void transposeBlock(const float* x, int64_t xStride, float* y, int64_t yStride) {
#if defined(__AVX512F__)
  __m512 r[16], s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_ps(x + i * xStride);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) s[i] = _mm512_unpacklo_ps(r[i], r[i + 1]), s[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // r[i + c]: column c of each 128-bit lane, rows i .. i + 3
    auto join = [](__m512 a, __m512 b, auto pick) { return _mm512_castpd_ps(pick(_mm512_castps_pd(a), _mm512_castps_pd(b))); };
    auto low = [](__m512d a, __m512d b) { return _mm512_unpacklo_pd(a, b); };
    auto high = [](__m512d a, __m512d b) { return _mm512_unpackhi_pd(a, b); };
    r[i] = join(s[i], s[i + 2], low), r[i + 1] = join(s[i], s[i + 2], high);
    r[i + 2] = join(s[i + 1], s[i + 3], low), r[i + 3] = join(s[i + 1], s[i + 3], high);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {  // lanes l of r[c], r[4 + c], r[8 + c], r[12 + c] make column 4 l + c
    const __m512 a = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88), b = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
    const __m512 d = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88), e = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
    _mm512_storeu_ps(y + c * yStride, _mm512_shuffle_f32x4(a, d, 0x88));
    _mm512_storeu_ps(y + (c + 8) * yStride, _mm512_shuffle_f32x4(a, d, 0xdd));
    _mm512_storeu_ps(y + (c + 4) * yStride, _mm512_shuffle_f32x4(b, e, 0x88));
    _mm512_storeu_ps(y + (c + 12) * yStride, _mm512_shuffle_f32x4(b, e, 0xdd));
  }
#elif defined(__AVX2__)
  for (int bi = 0; bi < 16; bi += 8)
    for (int bj = 0; bj < 16; bj += 8) {
      __m256 r[8], s[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(x + (bi + i) * xStride + bj);
#pragma GCC unroll 4
      for (int i = 0; i < 8; i += 2) s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
#pragma GCC unroll 2
      for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44), r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44), r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
      }
#pragma GCC unroll 4
      for (int c = 0; c < 4; c++) {
        _mm256_storeu_ps(y + (bj + c) * yStride + bi, _mm256_permute2f128_ps(r[c], r[4 + c], 0x20));
        _mm256_storeu_ps(y + (bj + c + 4) * yStride + bi, _mm256_permute2f128_ps(r[c], r[4 + c], 0x31));
      }
    }
#else
  for (int bi = 0; bi < 16; bi += 4)
    for (int bj = 0; bj < 16; bj += 4) {
      V4 r[4];
      for (int i = 0; i < 4; i++) std::memcpy(&r[i], x + (bi + i) * xStride + bj, 16);
      const V4 a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5), b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
      const V4 c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5), d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
      r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), r[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
      r[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5), r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
      for (int i = 0; i < 4; i++) std::memcpy(y + (bj + i) * yStride + bi, &r[i], 16);
    }
#endif
}

// y[j * yStride + i] = x[i * xStride + j] for i < rows, j < columns.
template <class T>
inline void transposeTile(const uint8_t* x, int64_t xStride, uint8_t* y, int64_t yStride, int64_t rows, int64_t columns) {
  int64_t i = 0;
  if constexpr (sizeof(T) == 4) {
    for (; i + kTransposeBlock <= rows; i += kTransposeBlock) {
      int64_t j = 0;
      for (; j + kTransposeBlock <= columns; j += kTransposeBlock)
        transposeBlock((const float*)x + i * xStride + j, xStride, (float*)y + j * yStride + i, yStride);
      for (; j < columns; j++)
        for (int64_t r = i; r < i + kTransposeBlock; r++) putElement<T>(y, j * yStride + r, elementAt<T>(x, r * xStride + j));
    }
  }
  if (rows - i >= columns) {
    for (int64_t j = 0; j < columns; j++)
      for (int64_t r = i; r < rows; r++) putElement<T>(y, j * yStride + r, elementAt<T>(x, r * xStride + j));
  } else {
    for (; i < rows; i++)
      for (int64_t j = 0; j < columns; j++) putElement<T>(y, j * yStride + i, elementAt<T>(x, i * xStride + j));
  }
}

// Short runs are frequent (a few channels of an image) and not worth a call.
template <class T> HENCE_INLINE void copyRun(uint8_t* y, const uint8_t* x, int64_t n) {
  const int64_t bytes = n * int64_t(sizeof(T));
  if (bytes > 256) {
    std::memcpy(y, x, size_t(bytes));
    return;
  }
  if (bytes >= 16) {
    int64_t i = 0;
    for (; i + 16 <= bytes; i += 16) __builtin_memcpy(y + i, x + i, 16);
    if (i < bytes) __builtin_memcpy(y + bytes - 16, x + bytes - 16, 16);
    return;
  }
  for (int64_t i = 0; i < n; i++) putElement<T>(y, i, elementAt<T>(x, i));
}

// Axes with more than one element; `depth` of them.
struct CopyPlan {
  int depth = 0;
  int64_t sizes[kCopyAxes], inputs[kCopyAxes], outputs[kCopyAxes];
  int64_t count = 1;

  explicit CopyPlan(const CopyArgs& a) {
    for (int axis = 0; axis < kCopyAxes; axis++) {
      if (a.sizes[axis] == 1) continue;
      count *= a.sizes[axis];
      sizes[depth] = a.sizes[axis], inputs[depth] = a.inputs[axis], outputs[depth] = a.outputs[axis];
      depth++;
    }
  }
  void moveToEnd(int axis) {
    const int64_t size = sizes[axis], input = inputs[axis], output = outputs[axis];
    for (; axis + 1 < depth; axis++) sizes[axis] = sizes[axis + 1], inputs[axis] = inputs[axis + 1], outputs[axis] = outputs[axis + 1];
    sizes[axis] = size, inputs[axis] = input, outputs[axis] = output;
  }
};

// Counts through the first `depth` axes of a plan, starting at index `at`.
struct CopyCounter {
  const CopyPlan& p;
  const int depth;
  int64_t index[kCopyAxes], x = 0, y = 0;

  CopyCounter(const CopyPlan& plan, int axes, int64_t at) : p(plan), depth(axes) {
    for (int axis = depth - 1; axis >= 0; axis--) {
      index[axis] = at % p.sizes[axis], at /= p.sizes[axis];
      x += index[axis] * p.inputs[axis], y += index[axis] * p.outputs[axis];
    }
  }
  HENCE_INLINE void next() {
    for (int axis = depth - 1; axis >= 0; axis--) {
      x += p.inputs[axis], y += p.outputs[axis];
      if (++index[axis] < p.sizes[axis]) return;
      x -= p.inputs[axis] * p.sizes[axis], y -= p.outputs[axis] * p.sizes[axis];
      index[axis] = 0;
    }
  }
};

// The last axis in pieces of `piece` elements, all others counted: body(x offset, y offset, elements).
template <class Body> HENCE_INLINE void eachRun(const CopyPlan& p, const Thread& t, const Body& body) {
  if (p.depth == 0) {
    if (t.index == 0) body(0, 0, 1);
    return;
  }
  const int last = p.depth - 1;
  const int64_t size = p.sizes[last], rows = p.count / size;
  // Whole rows where every thread gets enough of them, else elements.
  const bool byRow = rows >= 4 * t.count || t.count == 1;
  const Range range = byRow ? t.share(rows) : t.share(p.count);
  const int64_t begin = byRow ? range.begin * size : range.begin, end = byRow ? range.end * size : range.end;
  if (begin >= end) return;
  CopyCounter counter(p, last, begin / size);
  for (int64_t at = begin, first = begin % size; at < end; first = 0, counter.next()) {
    const int64_t n = size - first < end - at ? size - first : end - at;
    body(counter.x + first * p.inputs[last], counter.y + first * p.outputs[last], n);
    at += n;
  }
}

template <class T> void copyElements(const CopyArgs& a, const Thread& t) {
  CopyPlan p(a);
  if (p.count == 0) return;
  const int last = p.depth - 1;
  if (!a.x || p.depth == 0 || (p.inputs[last] == 0 && p.outputs[last] == 1)) {
    eachRun(p, t, [&](int64_t x, int64_t y, int64_t n) {
      const T v = a.x ? elementAt<T>(a.x, x) : T(a.fill);
      uint8_t* to = a.y + y * int64_t(sizeof(T));
      const int64_t stride = p.depth == 0 ? 1 : p.outputs[last];
      if (stride == 1) for (int64_t i = 0; i < n; i++) putElement<T>(to, i, v);
      else for (int64_t i = 0; i < n; i++) putElement<T>(to, i * stride, v);
    });
    return;
  }
  if (p.inputs[last] == 1 && p.outputs[last] == 1) {
    eachRun(p, t, [&](int64_t x, int64_t y, int64_t n) { copyRun<T>(a.y + y * int64_t(sizeof(T)), a.x + x * int64_t(sizeof(T)), n); });
    return;
  }
  int contiguous = -1;
  for (int axis = 0; axis < last; axis++) if (p.inputs[axis] == 1) contiguous = axis;
  if (contiguous >= 0 && p.outputs[last] == 1 && p.inputs[last] > 0) {
    // Two axes are cut into tiles: one along y's rows (axis `last` of y), one along x's rows.
    p.moveToEnd(contiguous);
    const int along = p.depth - 2, across = p.depth - 1;
    constexpr int64_t kTile = 64;
    const int64_t rows = p.sizes[along], columns = p.sizes[across];
    const int64_t rowTiles = (rows + kTile - 1) / kTile, columnTiles = (columns + kTile - 1) / kTile;
    const int64_t outer = p.count / (rows * columns);
    const Range tiles = t.share(outer * columnTiles * rowTiles);
    int64_t at = tiles.begin;
    for (int64_t o = at / (columnTiles * rowTiles); at < tiles.end; o++) {
      const CopyCounter place(p, along, o);
      auto xAt = [&](int64_t in) { return a.x + (place.x + in % rowTiles * kTile * p.inputs[along] + in / rowTiles * kTile) * int64_t(sizeof(T)); };
      auto yAt = [&](int64_t in) { return a.y + (place.y + in / rowTiles * kTile * p.outputs[across] + in % rowTiles * kTile) * int64_t(sizeof(T)); };
      for (; at < tiles.end && at / (columnTiles * rowTiles) == o; at++) {
        const int64_t in = at - o * columnTiles * rowTiles;
        const int64_t j = in / rowTiles * kTile, i = in % rowTiles * kTile;
        const int64_t n = rows - i < kTile ? rows - i : kTile, m = columns - j < kTile ? columns - j : kTile;
        transposeTile<T>(xAt(in), p.inputs[along], yAt(in), p.outputs[across], n, m);
      }
    }
    return;
  }
  eachRun(p, t, [&](int64_t x, int64_t y, int64_t n) {
    const uint8_t* from = a.x + x * int64_t(sizeof(T));
    uint8_t* to = a.y + y * int64_t(sizeof(T));
    const int64_t input = p.inputs[last], output = p.outputs[last];
    for (int64_t i = 0; i < n; i++) putElement<T>(to, i * output, elementAt<T>(from, i * input));
  });
}

inline void copy(const CopyArgs& a, const Thread& t) {
  switch (a.elementBytes) {
    case 1: return copyElements<uint8_t>(a, t);
    case 2: return copyElements<uint16_t>(a, t);
    case 4: return copyElements<uint32_t>(a, t);
    case 8: return copyElements<uint64_t>(a, t);
  }
}

}  // namespace hence::HENCE_TARGET

// f32 arithmetic for every layout. 256 k of a panel become an f32 tile in the first-level cache (f32 weights are used
// where they lie) and meet all rows, a register tile of rows at a time.
//
// Order of summation per output: two chains (even and odd k) within a slice of 256 k, added, then slice after slice. It
// does not depend on the number of rows or threads, so a row's result is the same in every batch.
#pragma once
#include "../dot.h"
#include "matmul-epilogue.h"
#include "matmul-split.h"

namespace hence::HENCE_TARGET {

constexpr int kSliceK = 256;
constexpr int kExactRows = kAccumulators / 2;  // rows of a register tile
constexpr int64_t kFinishRows = 8;
constexpr int kExactBlockRows = 252, kExactBandPanels = 16;  // partial sums kept in the second-level cache
constexpr size_t kExactThreadBytes = size_t(kExactBlockRows) * kExactBandPanels * kPanelColumns * 4;

// One block of 64 k of a quantised unit as [64][16] floats.
template <Layout L> HENCE_INLINE void expandBlock(const UnitScales<L>& scales, int block, float* tile) {
  constexpr LayoutTraits t = traitsOf(L);
  constexpr int quads = t.groupK / 4, groups = kBlockK / t.groupK;
  const uint8_t* payload = scales.unit + payloadOffset(L, block);
  unrolled<0, groups>([&](auto groupIndex) HENCE_INLINE_LAMBDA {
    const VF scale = scales.groupScale(block * groups + groupIndex.value);
    const VF offset = scales.groupOffset(block * groups + groupIndex.value, scale);
    unrolled<0, quads>([&](auto index) HENCE_INLINE_LAMBDA {
      constexpr int j = groupIndex.value * quads + index.value;
      const VI quad = loadQuad<t.bits, j>(payload, scales.part);
      float* to = tile + 4 * j * kPanelColumns + scales.part * kColumns;
      unrolled<0, 4>([&](auto byte) HENCE_INLINE_LAMBDA {
        storeFloats(to + byte.value * kPanelColumns, mulAdd(toFloat(byteOf<byte.value>(quad)), scale, offset));
      });
    });
  });
}

// `count` k of a panel from k0 (a multiple of 256) on, as [count][16] floats: in `tile`, or in place.
template <Layout L> __attribute__((noinline)) const float* expandSlice(const uint8_t* panel, int64_t k0, int count, float* tile) {
  const uint8_t* unit = panel + size_t(k0 / unitK(L)) * size_t(unitBytes(L));
  if constexpr (L == Layout::F32) {
    (void)count, (void)tile;
    return (const float*)unit;
  } else if constexpr (isFloat(L)) {
    const uint16_t* in = (const uint16_t*)unit;
    for (int i = 0; i < count; i++) {
      if (i % 2 == 0) prefetchLines((const uint8_t*)(in + i * kPanelColumns), 64);
      store(tile + i * kPanelColumns, L == Layout::F16 ? loadF16(in + i * kPanelColumns) : loadBF16(in + i * kPanelColumns));
    }
  } else {
    constexpr int blocks = unitK(L) / kBlockK, linesPerBlock = (unitBytes(L) / blocks + 63) / 64;
    for (int i = 0; i < count; i += unitK(L), unit += unitBytes(L))
      for (int part = 0; part < kParts; part++) {
        const UnitScales<L> scales(unit, part);
        for (int b = 0; b < blocks; b++) {
          if (part == 0) prefetchLines(unit + b * linesPerBlock * 64, linesPerBlock * 64);
          expandBlock<L>(scales, b, tile + (i + b * kBlockK) * kPanelColumns);
        }
      }
  }
  return tile;
}

// What happens to finished sums of sixteen whole columns while they are in registers: bias, residual, and bounds that stand for
// no activation, relu and clip. What other activations need is done by finishRows.
struct TileOutput {
  float* y;               // of the first row; rows are `pitch` apart
  const float* residual;  // as y, or null
  const float* bias;      // [16] or null
  int64_t pitch;
  float low, high;
  bool residualFirst;
};

HENCE_INLINE bool finishesInTiles(const Output& out) {
  const Activation activation = out.finish.activation;
  return out.lines.count == 0 && (activation == Activation::None || activation == Activation::Relu || activation == Activation::Clip);
}

HENCE_INLINE TileOutput tileOutput(const Output& out, int64_t row, int64_t column) {
  const float infinity = __builtin_inff();
  const bool clips = out.finish.activation == Activation::Clip, isRelu = out.finish.activation == Activation::Relu;
  const int64_t at = row * out.pitch + column;
  return {out.y + at, out.residual ? out.residual + at : nullptr, out.bias ? out.bias + column : nullptr, out.pitch,
          clips ? out.finish.a : isRelu ? 0 : -infinity, clips ? out.finish.b : infinity, out.finish.residualFirst};
}

template <int R> HENCE_INLINE void storeTile(const TileOutput& out, F (&sums)[R]) {
  const F low = set1(out.low), high = set1(out.high);
  if (out.bias) HENCE_UNROLL for (int r = 0; r < R; r++) sums[r] = sums[r] + load(out.bias);
  if (out.residual && out.residualFirst) HENCE_UNROLL for (int r = 0; r < R; r++) sums[r] = sums[r] + load(out.residual + r * out.pitch);
  HENCE_UNROLL for (int r = 0; r < R; r++) sums[r] = clip(sums[r], low, high);
  if (out.residual && !out.residualFirst) HENCE_UNROLL for (int r = 0; r < R; r++) sums[r] = sums[r] + load(out.residual + r * out.pitch);
  HENCE_UNROLL for (int r = 0; r < R; r++) store(out.y + r * out.pitch, sums[r]);
}

// Rows of the output are too far apart for the hardware to foresee.
template <int R> HENCE_INLINE void prefetchOutput(const TileOutput& out) {
  HENCE_UNROLL for (int r = 0; r < R; r++) __builtin_prefetch(out.y + r * out.pitch, 1);
  if (out.residual) HENCE_UNROLL for (int r = 0; r < R; r++) __builtin_prefetch(out.residual + r * out.pitch);
}

// What R rows of x meet: weights [count][16], sums so far [R][16] unless this is the first slice, and where the sums go: back,
// or, of the last slice, to the output. `next`, if not null, is what will be read soon: a line of it is asked for every
// `every` pairs of k (a power of two), as memory can bring them.
struct TileWork {
  const float* weights;
  int count;
  int64_t stride;  // between rows of x
  bool isFirst;
  const float* next;
  int every = 1;
};

// A constant Stride costs no registers and the fewest operations; 0: any, a pointer for every second row.
template <int R, int Stride>
__attribute__((noinline)) void multiplyTile(const TileWork& work, const float* x, float* sums, const TileOutput* out) {
  if (out) prefetchOutput<R>(*out);
  F even[R], odd[R];
  HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = odd[r] = zero();
  constexpr int group = Stride ? R : 2, pointers = (R + group - 1) / group;
  const int64_t stride = Stride ? Stride : work.stride;
  const float* rows[pointers];
  HENCE_UNROLL for (int p = 0; p < pointers; p++) rows[p] = x + group * p * stride;
  const float *tile = work.weights, *next = work.next;
  const int count = work.count, mask = 2 * work.every - 1;
  int i = 0;
  for (; i + 1 < count; i += 2, tile += 2 * kPanelColumns) {
    if (R <= 2) prefetchLines((const uint8_t*)tile, 128);
    if (next && (i & mask) == 0) __builtin_prefetch(next, 0, 2), next += kPanelColumns;
    const F w0 = load(tile), w1 = load(tile + kPanelColumns);
    HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = fma(w0, set1(rows[r / group][r % group * stride]), even[r]);
    HENCE_UNROLL for (int r = 0; r < R; r++) odd[r] = fma(w1, set1(rows[r / group][r % group * stride + 1]), odd[r]);
    HENCE_UNROLL for (int p = 0; p < pointers; p++) {
      rows[p] += 2;
      asm("" : "+r"(rows[p]));  // the compiler would rather compute every address anew
    }
  }
  if (i < count) {
    const F w = load(tile);
    HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = fma(w, set1(rows[r / group][r % group * stride]), even[r]);
  }
  HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = even[r] + odd[r];
  if (!work.isFirst) HENCE_UNROLL for (int r = 0; r < R; r++) even[r] = load(sums + r * kPanelColumns) + even[r];
  if (out) storeTile(*out, even);
  else HENCE_UNROLL for (int r = 0; r < R; r++) store(sums + r * kPanelColumns, even[r]);
}

// As many lines after `work.next` as `work.weights` has are asked for meanwhile.
HENCE_INLINE void multiplyAllRows(TileWork work, const float* x, int64_t rows, float* sums, const TileOutput* out) {
  int64_t lines = work.count;
  TileOutput here{};
  if (out) here = *out;
  work.every = rows >= 4 * kExactRows ? 2 : 1;
  const int64_t linesPerTile = (work.count / 2 + work.every - 1) / work.every;
  auto run = [&]<int R>() {
    void (*tile)(const TileWork&, const float*, float*, const TileOutput*) = multiplyTile<R, 0>;
    if constexpr (R == kExactRows) {
      switch (work.stride) {
        case 64: tile = multiplyTile<R, 64>; break;
        case 128: tile = multiplyTile<R, 128>; break;
        case 256: tile = multiplyTile<R, 256>; break;
        case 512: tile = multiplyTile<R, 512>; break;
      }
    }
    for (; rows >= R; rows -= R, x += R * work.stride, sums += R * kPanelColumns) {
      if (lines <= 0) work.next = nullptr;
      tile(work, x, sums, out ? &here : nullptr);
      work.next += linesPerTile * kPanelColumns, lines -= linesPerTile;
      here.y += R * here.pitch;
      if (here.residual) here.residual += R * here.pitch;
    }
  };
  run.template operator()<kExactRows>();
  if constexpr (kExactRows > 8) run.template operator()<8>();
  if constexpr (kExactRows > 4) run.template operator()<4>();
  if constexpr (kExactRows > 2) run.template operator()<2>();
  if constexpr (kExactRows > 1) run.template operator()<1>();
}

constexpr int kExactUnpackedRows = 4;

HENCE_INLINE int64_t sliceCount(int64_t k) { return (k + kSliceK - 1) / kSliceK; }

// Rows of x: as they are, or cut into slices [slice][rows][pitch], because rows a power of two apart fall into the same cache
// sets.
struct SlicedRows {
  const float* data;
  int64_t rows, rowStride, sliceStride;
  HENCE_INLINE const float* slice(int64_t s, int64_t row) const { return data + s * sliceStride + row * rowStride; }
};

// The slice of f32 weights after slice s of panel p, in a band of panels [first, end).
HENCE_INLINE const float* following(const PackedMatrix& w, int64_t p, int64_t s, int64_t first, int64_t end) {
  if (p + 1 < end) return (const float*)panelData(w, p + 1) + s * kSliceK * kPanelColumns;
  if (s + 1 < sliceCount(w.k)) return (const float*)panelData(w, first) + (s + 1) * kSliceK * kPanelColumns;
  return end < panelCount(w.n) ? (const float*)panelData(w, end) : nullptr;
}

// Rows `range` of x; row r of y is its row r. `partial`: kExactThreadBytes of this thread.
static __attribute__((noinline)) void exactRows(const PackedMatrix& w, const SlicedRows& x, const Output& out, Range panels, Range range, float* partial) {
  alignas(64) float tile[kSliceK * kPanelColumns];
  const float* (*expand)(const uint8_t*, int64_t, int, float*) = nullptr;
  withLayout(w.layout, [&]<Layout L>() { expand = expandSlice<L>; });
  // Few rows follow the weights' stream panel by panel; many rows reuse their slice for a band of panels.
  const int64_t band = range.size() > 2 * kExactRows ? kExactBandPanels : 1;
  for (int64_t row0 = range.begin; row0 < range.end; row0 += kExactBlockRows) {
    const int64_t rows = range.end - row0 < kExactBlockRows ? range.end - row0 : kExactBlockRows;
    for (int64_t first = panels.begin; first < panels.end; first += band) {
      const int64_t end = first + band < panels.end ? first + band : panels.end;
      // Panels before this one are finished with their last slice.
      const int64_t inTiles = !finishesInTiles(out) ? first : end * kPanelColumns <= out.n ? end : end - 1;
      for (int64_t s = 0; s < sliceCount(w.k); s++) {
        const int64_t left = w.k - s * kSliceK;
        const int count = int(left < kSliceK ? left : kSliceK);
        for (int64_t p = first; p < end; p++) {
          const float* weights = expand(panelData(w, p), s * kSliceK, count, tile);
          const float* next = w.layout == Layout::F32 && rows > kExactUnpackedRows ? following(w, p, s, first, end) : nullptr;
          const TileOutput output = tileOutput(out, row0, p * kPanelColumns);
          multiplyAllRows({weights, count, x.rowStride, s == 0, next}, x.slice(s, row0), rows, partial + (p - first) * rows * kPanelColumns,
                          p < inTiles && left <= kSliceK ? &output : nullptr);
        }
      }
      // A few rows at a time, so that y is written page by page.
      if (inTiles == end) continue;
      for (int64_t r = 0; r < rows; r += kFinishRows)
        for (int64_t p = inTiles; p < end; p++)
          finishRows(out, row0 + r, rows - r < kFinishRows ? rows - r : kFinishRows, p * kPanelColumns, partial + ((p - first) * rows + r) * kPanelColumns);
    }
  }
}

}  // namespace hence::HENCE_TARGET

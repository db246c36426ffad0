// Products of many rows with f32 arithmetic: threads share rows and columns, blocks of rows are brought into the second-level
// cache and meet all panels there.
#pragma once
#include "matmul-exact.h"
#include "team.h"

namespace hence::HENCE_TARGET {

// Bytes of rows a thread keeps, for its second-level cache; they meet every panel of the weights.
constexpr int64_t kRowsBytes = 768 << 10;

// Rows of `k` numbers cut into slices [slice][rows][pitch], closer together where k is small.
struct SliceShape {
  int64_t k, rows;
  HENCE_INLINE int64_t pitch() const { return k <= kSliceK / 4 ? kSliceK / 4 : kSliceK; }
  HENCE_INLINE int64_t floats() const { return rows * sliceCount(k) * pitch(); }
  HENCE_INLINE SlicedRows over(const float* data) const { return {data, rows, pitch(), rows * pitch()}; }
};

// `rows` rows of k numbers meet `count` matrices. `x`: the rows one after the other, where they may be read in place.
struct RowsProduct {
  int64_t rows, k;
  const float* x;  // or null
  int count;
  PackedMatrix w[kMaxFusedWeights];
  Output out[kMaxFusedWeights];
};

// Rows that lie at one of the distances the kernel has constants for cost nothing to read in place.
HENCE_INLINE bool suitsInPlace(int64_t k) { return k == 64 || k == 128 || k == 256 || k == 512; }

// Weights that are widened first are widened for as many rows as possible.
HENCE_INLINE int64_t rowsPerBlock(int64_t rows, int64_t k, bool widens) {
  const int64_t rowBytes = sliceCount(k) * SliceShape{k, 1}.pitch() * 4, fitting = kRowsBytes / rowBytes;
  const int64_t most = kExactBlockRows, least = widens ? most : 4 * kExactRows, wanted = fitting < least ? least : fitting < most ? fitting : most;
  return wanted / kExactRows * kExactRows < rows ? wanted / kExactRows * kExactRows : rows;
}

HENCE_INLINE size_t rowsProductWorkspace(int64_t rows, int64_t k, int threads) {
  return size_t(threads) * (size_t(SliceShape{k, rowsPerBlock(rows, k, true)}.floats()) * 4 + kExactThreadBytes);
}

// pack(first, range, shape, to) writes rows first + range in slices.
template <class Pack> HENCE_INLINE void multiplyRows(const RowsProduct& product, const Pack& pack, uint8_t* workspace, const Thread& thread) {
  const int64_t k = product.k;
  int64_t panels = 0;
  bool widens = false;
  for (int i = 0; i < product.count; i++) panels += panelCount(product.w[i].n), widens |= product.w[i].layout != Layout::F32;
  const Team team = widens ? teamOfAll(thread) : teamFor(product.rows, panels, kPanelColumns, 2 * kExactRows, thread);
  const int64_t blockRows = rowsPerBlock(product.rows, k, widens);
  const SliceShape largest{k, blockRows};
  float* packed = (float*)workspace + team.part * largest.floats();
  float* partial = (float*)(workspace + size_t(thread.count) * size_t(largest.floats()) * 4 + size_t(thread.index) * kExactThreadBytes);
  const Range mine = cut(product.rows, kExactRows, team.part, team.parts);
  // Members of a team meet as often as the largest part has blocks.
  const int64_t blocks = (cut(product.rows, kExactRows, team.parts - 1, team.parts).size() + 2 * kExactRows + blockRows - 1) / blockRows;
  auto meet = [&] { if (team.size > 1 && !product.x) thread.barrier(); };
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t first = mine.begin + b * blockRows, left = mine.end - first, rows = left < 0 || team.idle ? 0 : left < blockRows ? left : blockRows;
    const SliceShape shape{k, rows};
    if (rows > 0 && !product.x) pack(first, cut(rows, 1, team.member, team.size), shape, packed);
    meet();
    const SlicedRows seen = product.x ? SlicedRows{product.x + first * k, rows, k, kSliceK} : shape.over(packed);
    for (int i = 0; rows > 0 && i < product.count; i++) {
      Output out = product.out[i];
      out.y += first * out.pitch;
      if (out.residual) out.residual += first * out.pitch;
      exactRows(product.w[i], seen, out, cut(panelCount(product.w[i].n), 1, team.member, team.size), {0, rows}, partial);
    }
    meet();
  }
}

// Rows [range) after row `first` of x.
static __attribute__((noinline)) void packSlices(const float* x, int64_t first, Range range, const SliceShape& shape, float* packed) {
  for (int64_t r = range.begin; r < range.end; r++)
    for (int64_t s = 0; s < sliceCount(shape.k); s++) {
      const int64_t left = shape.k - s * kSliceK;
      std::memcpy(packed + (s * shape.rows + r) * shape.pitch(), x + (first + r) * shape.k + s * kSliceK, size_t(left < kSliceK ? left : kSliceK) * 4);
    }
}

}  // namespace hence::HENCE_TARGET

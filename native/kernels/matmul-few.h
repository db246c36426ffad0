// Up to a few dozen rows of int8 activations against quantised weights: the kernels of a panel, chunk of rows by chunk.
#pragma once
#include "matmul-epilogue.h"
#include "matmul-few-amx.h"
#include "matmul-few-panel.h"
#include "matmul-split.h"
#include "matmul-walk.h"

namespace hence::HENCE_TARGET {

#if HENCE_AMX
constexpr int kMaxChunk = kAmxFewRows;
#else
constexpr int kMaxChunk = kMaxFewRows;
#endif

template <Layout L> HENCE_INLINE FewRowsPanel fewRowsPanelFor(int rows) {
#if HENCE_AMX
  if constexpr (traitsOf(L).groupK == 32)
    if (rows > kMaxFewRows) return amxFewRowsPanel<L>;
#endif
  if constexpr (kMaxFewRows >= 8)
    if (rows > 4) return fewRowsPanel<L, 8>;
  return rows > 2 ? fewRowsPanel<L, 4> : rows == 2 ? fewRowsPanel<L, 2> : fewRowsPanel<L, 1>;
}

// Rows whose activations stay in the second-level cache beside a panel.
HENCE_INLINE int64_t cachedRows(int64_t k) {
  const int64_t rows = (int64_t(1) << 19) / (groupsOf(k) * 60) / kMaxChunk * kMaxChunk;
  return rows < kMaxChunk ? kMaxChunk : rows;
}

// All rows of the walk's matrices; rows beyond a chunk meet the panel again while it is in the cache.
static __attribute__((noinline)) void fewRows(const MatmulArgs& args, const QuantisedRows& x, PanelWalk& walk) {
  const int64_t rows = args.rows;
  const int tail = int(rows % x.chunk);
  FewRowsPanel whole = nullptr, rest = nullptr;
  int prepared = -1;
  alignas(64) float sums[kMaxChunk * kPanelColumns];
  while (walk.next()) {
    const PackedMatrix& w = args.w[walk.matrix];
    const Output out = outputOf(args, walk.matrix);
    if (prepared != walk.matrix) {
      prepared = walk.matrix;
      withIntegerLayout(w.layout, [&]<Layout L>() {
        whole = fewRowsPanelFor<L>(x.chunk);
        rest = fewRowsPanelFor<L>(tail);
      });
    }
    const uint8_t *panel = panelData(w, walk.panel), *ahead = walk.ahead();
    for (int64_t first = 0; first < rows; first += x.chunk) {
      const int count = int(rows - first < x.chunk ? rows - first : x.chunk);
      (count == x.chunk ? whole : rest)(panel, ahead, unitCount(w.layout, w.k), x.chunkData(first), x.rowBytes(), sums);
      for (int r = 0; r < count; r++) finishColumns(out, first + r, walk.panel * kPanelColumns, load(sums + r * kPanelColumns));
    }
  }
}

}  // namespace hence::HENCE_TARGET

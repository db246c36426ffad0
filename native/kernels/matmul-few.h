// Up to a few dozen rows of int8 activations against quantised weights: the kernels of a panel, chunk of rows by chunk.
#pragma once
#include "matmul-epilogue.h"
#include "matmul-few-amx.h"
#include "matmul-few-panel.h"
#include "matmul-split.h"

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

// All rows of one matrix; rows beyond a chunk meet the panel again while it is in the cache.
static __attribute__((noinline)) void fewRows(const PackedMatrix& w, const QuantisedRows& x, int64_t rows, const Output& out, Range panels) {
  const int64_t units = unitCount(w.layout, w.k);
  const int tail = int(rows % x.chunk);
  FewRowsPanel whole = nullptr, rest = nullptr;
  withIntegerLayout(w.layout, [&]<Layout L>() {
    whole = fewRowsPanelFor<L>(x.chunk);
    rest = fewRowsPanelFor<L>(tail);
  });
  alignas(64) float sums[kMaxChunk * kPanelColumns];
  // Activations of a block of rows should stay in the second-level cache beside the panel.
  const int64_t cached = (int64_t(1) << 19) / (x.groups * x.rowBytes()) / x.chunk * x.chunk;
  const int64_t blockRows = cached < x.chunk ? x.chunk : cached;
  for (int64_t block = 0; block < rows; block += blockRows) {
    const int64_t end = block + blockRows < rows ? block + blockRows : rows;
    for (int64_t p = panels.begin; p < panels.end; p++)
      for (int64_t first = block; first < end; first += x.chunk) {
        const int count = int(end - first < x.chunk ? end - first : x.chunk);
        (count == x.chunk ? whole : rest)(panelData(w, p), units, x.chunkData(first), x.rowBytes(), sums);
        for (int r = 0; r < count; r++) finishColumns(out, first + r, p * kPanelColumns, load(sums + r * kPanelColumns));
      }
  }
}

}  // namespace hence::HENCE_TARGET

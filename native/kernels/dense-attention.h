// Attention over dense keys and values: a head is packed once per thread that needs it.
#pragma once
#include "packed-attention.h"

namespace hence::HENCE_TARGET {

inline void denseAttention(const DenseAttentionArgs& a, const Thread& t) {
  const PackedHeadMemory m(a.keys, a.headDim, a.valueDim);
  float* memory = reinterpret_cast<float*>(a.workspace) + m.floats * size_t(t.index);
  const int64_t tiles = packedTiles(a.queries);
  const Range share = t.share(a.batch * a.heads * tiles);
  int64_t packedHead = -1;
  for (int64_t at = share.begin; at < share.end; at++) {
    const int64_t tile = at % tiles, head = at / tiles % a.heads, batch = at / tiles / a.heads, kvHead = head / (a.heads / a.kvHeads);
    if (const int64_t wanted = batch * a.kvHeads + kvHead; wanted != packedHead) {
      const float *key = a.key + batch * a.keyStrides.batch + kvHead * a.keyStrides.head, *value = a.value + batch * a.valueStrides.batch + kvHead * a.valueStrides.head;
      packHead({key, value, a.keyStrides.row, a.valueStrides.row, a.keys, a.headDim, a.valueDim}, m, memory);
      packedHead = wanted;
    }
    const int64_t first = a.queries * tile / tiles;
    auto of = [&](auto* p, const DenseStrides& s) { return p + batch * s.batch + head * s.head + first * s.row; };
    const TileQueries queries{of(a.query, a.queryStrides), of(a.y, a.yStrides), a.queryStrides.row, a.yStrides.row,
                              int(a.queries * (tile + 1) / tiles - first), a.headDim, a.valueDim, a.scale, 0, __builtin_nanf("")};
    const float* mask = a.mask ? of(a.mask, a.maskStrides) : nullptr;
    auto seen = [&](int r) { return Range{0, a.causal < 0 || first + r + a.causal + 1 > a.keys ? a.keys : first + r + a.causal + 1}; };
    attendPacked(queries, m, memory, seen, [&](int r, float* row, int64_t chunk, int, int end) {
      if (!mask) return;
      const float* add = mask + r * a.maskStrides.row + chunk;
      int k = 0;
      for (; k + 16 <= end; k += 16) store(row + k, load(row + k) + load(add + k));
      for (; k < end; k++) row[k] += add[k];
    });
  }
}

inline size_t denseAttentionWorkspace(int64_t keys, int32_t headDim, int32_t valueDim, int threads) {
  return PackedHeadMemory(keys, headDim, valueDim).floats * 4 * size_t(threads);
}

}  // namespace hence::HENCE_TARGET

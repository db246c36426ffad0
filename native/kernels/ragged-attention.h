// Attention of sequences that lie one after the other. Tiles of queries, in order of sequence, head and place, form a line
// of known cost, cut into equal pieces, one per thread; a head is packed once per thread that needs it.
#pragma once
#include "packed-attention.h"

namespace hence::HENCE_TARGET {

struct RaggedTile {
  int64_t sequence, first, rows;  // queries first .. first + rows of the sequence
  int32_t head;
  int64_t cost;
};

// Query positions and the keys they see, of one sequence.
struct RaggedSequence {
  const RaggedAttentionArgs& a;
  int64_t firstQuery, queries, firstKey, keys;

  RaggedSequence(const RaggedAttentionArgs& args, int64_t s)
      : a(args), firstQuery(a.queryStarts[s]), queries(a.queryStarts[s + 1] - firstQuery), firstKey(a.keyStarts[s]), keys(a.keyStarts[s + 1] - firstKey) {}

  int64_t position(int64_t query) const { return query + keys - queries; }
  Range seen(int64_t query) const {
    const int64_t p = position(query);
    const int64_t begin = a.window < 0 ? 0 : p - a.window, end = a.causal ? p + 1 : a.window < 0 ? keys : p + a.window + 1;
    return {clamp(begin, 0, keys), clamp(end, 0, keys)};
  }
};

template <class Visit> HENCE_INLINE void eachRaggedTile(const RaggedAttentionArgs& a, const Visit& visit) {
  for (int64_t s = 0; s < a.sequences; s++) {
    const RaggedSequence sequence(a, s);
    const int64_t tiles = packedTiles(sequence.queries);
    for (int32_t h = 0; h < a.heads; h++)
      for (int64_t i = 0; i < tiles; i++) {
        const int64_t first = sequence.queries * i / tiles, rows = sequence.queries * (i + 1) / tiles - first;
        const int64_t keys = sequence.seen(first + rows - 1).end - sequence.seen(first).begin;
        visit(RaggedTile{s, first, rows, h, (rows + 8) * ((keys > 0 ? keys : 0) + 16)});
      }
  }
}

// scores[j] += bias of key j behind the query, for j in begin .. end; `behind` is the distance of key 0.
HENCE_INLINE void addRelativeBias(float* scores, int begin, int end, int64_t behind, const float* bias, int64_t reach) {
  const int near = int(clamp(-reach - behind, begin, end)), far = int(clamp(reach - behind + 1, near, end));
  for (int j = begin; j < near; j++) scores[j] += bias[0];
  const float* of = bias + reach + behind;
  for (int j = near; j < far; j++) scores[j] += of[j];
  for (int j = far; j < end; j++) scores[j] += bias[2 * reach];
}

inline void raggedAttention(const RaggedAttentionArgs& a, const Thread& t) {
  const PackedHeadMemory m(a.mostKeys, a.headDim, a.valueDim);
  float* memory = reinterpret_cast<float*>(a.workspace) + m.floats * size_t(t.index);
  int64_t total = 0, start = 0, packedHead = -1;
  eachRaggedTile(a, [&](const RaggedTile& tile) { total += tile.cost; });
  eachRaggedTile(a, [&](const RaggedTile& tile) {
    const int owner = int(start * t.count / total);
    start += tile.cost;
    if (owner != t.index) return;
    const RaggedSequence s(a, tile.sequence);
    const int64_t kvHead = tile.head / (a.heads / a.kvHeads);
    const int64_t keyStride = int64_t(a.kvHeads) * a.headDim, valueStride = int64_t(a.kvHeads) * a.valueDim;
    if (const int64_t wanted = tile.sequence * a.kvHeads + kvHead; wanted != packedHead) {
      const float *key = a.key + s.firstKey * keyStride + kvHead * a.headDim, *value = a.value + s.firstKey * valueStride + kvHead * a.valueDim;
      packHead({key, value, keyStride, valueStride, s.keys, a.headDim, a.valueDim}, m, memory);
      packedHead = wanted;
    }
    const int64_t row = (s.firstQuery + tile.first) * a.heads + tile.head;
    const TileQueries queries{a.query + row * a.headDim, a.y + row * a.valueDim, int64_t(a.heads) * a.headDim, int64_t(a.heads) * a.valueDim,
                              int(tile.rows), a.headDim, a.valueDim, a.scale, a.softcap, 0.0f};
    const float* bias = a.bias ? a.bias + tile.head * (2 * a.reach + 1) : nullptr;
    attendPacked(queries, m, memory, [&](int r) { return s.seen(tile.first + r); }, [&](int r, float* scores, int64_t chunk, int begin, int end) {
      if (bias) addRelativeBias(scores, begin, end, chunk - s.position(tile.first + r), bias, a.reach);
    });
  });
}

inline size_t raggedAttentionWorkspace(int64_t mostKeys, int32_t headDim, int32_t valueDim, int threads) {
  return PackedHeadMemory(mostKeys, headDim, valueDim).floats * 4 * size_t(threads);
}

}  // namespace hence::HENCE_TARGET

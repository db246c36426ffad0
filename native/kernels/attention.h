// Attention of ragged sequences over paged keys and values: how the work is cut and shared.
//
// Work is tiles × chunks. A tile is up to 48 rows of one sequence and key head, so that each key and value is loaded
// once for all its rows: in decode the heads of a group, in prefill also neighbouring queries. Chunks are 512 keys at
// fixed positions. Tiles and chunks, in order, form a line of known cost, cut into equal pieces, one per thread. A tile
// that lies on one thread is folded there; of a tile that is cut, every chunk's partial result goes to the workspace
// and is folded after a barrier. Both folds do the same arithmetic in the same order, so the result of a row depends on
// its query, its keys and its position alone: not on the batch, the tiling or the number of threads.
#pragma once
#include "attention-amx.h"
#include "attention-tile.h"

namespace hence::HENCE_TARGET {

// Tiles whose cost is below this part of a thread's share are not cut.
constexpr int64_t kUncutShare = 32;

// Shape of the call, the same on every thread.
struct AttentionPlan {
  const AttentionArgs& a;
  int32_t group;     // query heads per key head
  int stride;        // headDim rounded up to 16
  int tileRows = 0;  // of the largest tile
  int64_t maxChunks = 0;
  int64_t cost = 0;
  int threads;

  AttentionPlan(const AttentionArgs& args, int threads) : a(args), group(args.heads / args.kvHeads), stride((args.headDim + 15) & ~15), threads(threads) {
    eachTile([this](const AttentionTile& tile) {
      cost += tile.cost;
      if (tile.rows > tileRows) tileRows = tile.rows;
      if (tile.chunks() > maxChunks) maxChunks = tile.chunks();
    });
  }

  int64_t position(int64_t sequence, int64_t row) const {
    return a.contextLengths[sequence] - (a.queryStarts[sequence + 1] - a.queryStarts[sequence]) + row / group;
  }
  int64_t seenEnd(int64_t sequence, int64_t position) const { return a.causal ? position + 1 : a.contextLengths[sequence]; }
  int64_t firstSeen(int64_t position) const { return a.window > 0 && position >= a.window ? position - a.window + 1 : 0; }

  template <class Visit> HENCE_INLINE void eachTile(const Visit& visit) const {
    for (int64_t s = 0; s < a.sequences; s++) {
#if HENCE_AMX
      if (isTiled(a, s)) continue;
#endif
      const int64_t rows = int64_t(a.queryStarts[s + 1] - a.queryStarts[s]) * group;
      for (int32_t h = 0; h < a.kvHeads; h++)
        for (int64_t row = 0; row < rows; row += kTileRows) {
          AttentionTile tile;
          tile.sequence = s, tile.kvHead = h, tile.firstRow = row;
          tile.rows = int32_t(rows - row < kTileRows ? rows - row : kTileRows);
          tile.lo = firstSeen(position(s, row)), tile.hi = seenEnd(s, position(s, row + tile.rows - 1));
          tile.cost = costBefore(tile, tile.chunks());
          visit(tile);
        }
    }
  }

  // Cost of a tile's first `chunks` chunks: arithmetic per row and reading once, plus something per chunk.
  int64_t costBefore(const AttentionTile& tile, int64_t chunks) const {
    const int64_t end = (tile.firstChunk() + chunks) * kChunkKeys;
    return chunks == 0 ? 0 : ((end < tile.hi ? end : tile.hi) - tile.lo + 32 * chunks) * (tile.rows + 4);
  }
  // The thread that computes chunk `chunk` of a tile whose cost starts at `start`.
  int owner(const AttentionTile& tile, int64_t start, int64_t chunk) const {
    return int((start + (mayBeCut(tile) ? costBefore(tile, chunk) : 0)) * threads / cost);
  }
  bool mayBeCut(const AttentionTile& tile) const { return tile.chunks() > 1 && tile.cost * kUncutShare * threads >= cost; }

  // Partial results of the tile that begins on thread `slot`: [maxChunks][tileRows] of (largest, sum) and of sums.
  // At most one cut tile begins on each thread but the last.
  size_t slotFloats() const { return size_t(maxChunks) * size_t(tileRows) * size_t(stride + 2); }
  float* partial(float* workspace, int slot, int64_t chunk, int row) const {
    return workspace + slotFloats() * size_t(slot) + (size_t(chunk) * size_t(tileRows) + size_t(row)) * size_t(stride + 2);
  }
};

// Where row r of a tile begins in the query and in y; its head.
struct RowPlace { int64_t at; int32_t head; };
HENCE_INLINE RowPlace rowPlace(const AttentionPlan& p, const AttentionTile& tile, int r) {
  const int64_t row = tile.firstRow + r, token = p.a.queryStarts[tile.sequence] + row / p.group;
  const int32_t head = tile.kvHead * p.group + int32_t(row % p.group);
  return {(token * p.a.heads + head) * p.a.headDim, head};
}

HENCE_INLINE void finishRow(const AttentionPlan& p, const AttentionTile& tile, int r, const RowPart& total, const float* sums) {
  const RowPlace place = rowPlace(p, tile, r);
  finish(total, sums, p.a.sinks ? p.a.sinks + place.head : nullptr, p.a.y + place.at, p.a.headDim);
}

// Queries of the tile into registers' order, and what each row sees.
inline void openTile(const AttentionPlan& p, const AttentionTile& tile, AttentionScratch& s) {
  for (int i = 0; i < microTiles(tile.rows); i++) {
    const int begin = microBegin(tile.rows, i), rows = microBegin(tile.rows, i + 1) - begin;
    float* packed = s.query + begin * p.a.headDim;
    for (int m = 0; m < rows; m++) {
      const float* q = p.a.query + rowPlace(p, tile, begin + m).at;
      for (int d = 0; d < p.a.headDim; d++) packed[d * rows + m] = q[d] * p.a.scale;
      const int64_t position = p.position(tile.sequence, tile.firstRow + begin + m);
      s.lo[begin + m] = p.firstSeen(position), s.hi[begin + m] = p.seenEnd(tile.sequence, position);
      s.bias[begin + m] = relativeBiasOf(p.a, rowPlace(p, tile, begin + m).head, position);
    }
  }
}

// This thread's chunks of one tile.
template <KvType Type> void attendTile(const AttentionPlan& p, const AttentionTile& tile, int64_t start, int thread, float* partials, AttentionScratch& s) {
  const int first = p.owner(tile, start, 0), last = p.owner(tile, start, tile.chunks() - 1);
  if (thread < first || thread > last) return;
  openTile(p, tile, s);
  const KvReader<Type> reader{p.a, p.a.blocks + p.a.blockStarts[tile.sequence], tile.kvHead, p.stride};
  for (int row = 0; row < tile.rows; row++) s.totals[row] = {-__builtin_inff(), 0.0f};
  for (int64_t c = 0; c < tile.chunks(); c++) {
    if (p.owner(tile, start, c) != thread) continue;
    attendChunk<Type>(p.a, tile, reader, (tile.firstChunk() + c) * kChunkKeys, s);
    for (int row = 0; row < tile.rows; row++) {
      const float* sums = s.part + row * p.stride;
      if (first == last) fold(s.totals[row], s.total + row * p.stride, s.parts[row], sums, p.stride);
      else {
        float* to = p.partial(partials, first, c, row);
        std::memcpy(to, &s.parts[row], sizeof(RowPart));
        std::memcpy(to + 2, sums, size_t(p.stride) * 4);
      }
    }
  }
  if (first == last)
    for (int row = 0; row < tile.rows; row++) finishRow(p, tile, row, s.totals[row], s.total + row * p.stride);
}

// Folds the chunks of a cut tile; its rows are shared by all threads.
inline void foldTile(const AttentionPlan& p, const AttentionTile& tile, int64_t start, const Thread& t, float* partials, AttentionScratch& s) {
  if (!p.mayBeCut(tile)) return;
  const int first = p.owner(tile, start, 0);
  if (first == p.owner(tile, start, tile.chunks() - 1)) return;
  Range rows = t.share(tile.rows);
  for (int row = int(rows.begin); row < int(rows.end); row++) {
    RowPart total = {-__builtin_inff(), 0.0f}, part;
    for (int64_t c = 0; c < tile.chunks(); c++) {
      const float* from = p.partial(partials, first, c, row);
      std::memcpy(&part, from, sizeof(RowPart));
      fold(total, s.total, part, from + 2, p.stride);
    }
    finishRow(p, tile, row, total, s.total);
  }
}

// Bytes per thread of the tiled path, in front of the other's memory.
HENCE_INLINE size_t tiledBytes(int32_t headDim) {
#if HENCE_AMX
  return headDim % 32 == 0 && headDim <= 256 ? (TiledScratch::bytes(headDim) + 63) / 64 * 64 : 0;
#else
  (void)headDim;
  return 0;
#endif
}

template <KvType Type> void attend(const AttentionArgs& a, const Thread& t) {
  const AttentionPlan plan(a, t.count);
  float* workspace = reinterpret_cast<float*>(a.workspace);
#if HENCE_AMX
  if constexpr (Type != KvType::F32) {
    const size_t bytes = tiledBytes(a.headDim);
    attendTiled<Type>(a, t, a.workspace + bytes * size_t(t.index));
    workspace = reinterpret_cast<float*>(a.workspace + bytes * size_t(t.count));
  }
#endif
  if (plan.cost == 0) return;
  const size_t scratchFloats = AttentionScratch::floats(a.headDim);
  AttentionScratch scratch(workspace + scratchFloats * size_t(t.index), a.headDim, plan.stride);
  float* partials = workspace + scratchFloats * size_t(t.count);
  int64_t start = 0;
  plan.eachTile([&](const AttentionTile& tile) {
    attendTile<Type>(plan, tile, start, t.index, partials, scratch);
    start += tile.cost;
  });
  if (t.count == 1) return;
  t.barrier();
  start = 0;
  plan.eachTile([&](const AttentionTile& tile) {
    foldTile(plan, tile, start, t, partials, scratch);
    start += tile.cost;
  });
}

inline void attention(const AttentionArgs& a, const Thread& t) {
  switch (a.type) {
    case KvType::F32: return attend<KvType::F32>(a, t);
    case KvType::F16: return attend<KvType::F16>(a, t);
    case KvType::BF16: return attend<KvType::BF16>(a, t);
    case KvType::I8: return attend<KvType::I8>(a, t);
  }
}

inline size_t attentionWorkspace(int64_t tokens, int64_t sequences, int32_t heads, int32_t headDim, int64_t maxContext, int threads) {
  (void)sequences;
  const int64_t rows = tokens * heads < kTileRows ? tokens * heads : kTileRows;
  const size_t chunks = size_t(maxContext / kChunkKeys + 1), stride = size_t((headDim + 15) & ~15);
  return (AttentionScratch::floats(headDim) * size_t(threads) + chunks * size_t(rows) * (stride + 2) * size_t(threads - 1)) * sizeof(float) + 64 + tiledBytes(headDim) * size_t(threads);
}

}  // namespace hence::HENCE_TARGET

// One tile of attention: up to kTileRows rows (a row is one query of one head; heads that share a key head stand
// together) against one chunk of kChunkKeys keys. The result of a chunk is a partial softmax: largest score, sum of
// exponentials, and the values weighted by them; partial results of consecutive chunks are folded in order.
// Source: Milakov & Gimelshein 2018 (online softmax); Dao et al. 2022 (tiling).
#pragma once
#include "attention-micro.h"
#include "softmax.h"
#include "vector-math.h"

namespace hence::HENCE_TARGET {

constexpr int kTileRows = 48;
// Up to this many micro tiles (decode) use keys and values as they arrive from memory; for more they are widened to f32
// once per group.
constexpr int kStreamedMicros = 2;

struct AttentionTile {
  int64_t sequence, firstRow;  // row = (query in the sequence) · group + head in the group
  int64_t lo, hi;              // positions some row sees
  int64_t cost;
  int32_t kvHead, rows;
  int64_t firstChunk() const { return lo / kChunkKeys; }
  int64_t chunks() const { return (hi - 1) / kChunkKeys - firstChunk() + 1; }
};

// The relative bias of a row: a number per distance from its position.
struct RowBias {
  const float* zero;  // of distance 0; null: none
  int64_t position, reach;
};
HENCE_INLINE RowBias relativeBiasOf(const AttentionArgs& a, int64_t head, int64_t position) {
  return {a.relativeBias ? a.relativeBias + head * (2 * int64_t(a.reach) + 1) + a.reach : nullptr, position, a.reach};
}

// scores[i] += bias of the key at position chunk + i, for i in begin .. end. Distances beyond the reach have the outermost number.
HENCE_INLINE void addRelativeBias(const RowBias& bias, int64_t chunk, int begin, int end, float* scores) {
  if (!bias.zero || begin >= end) return;
  const int64_t shift = chunk - bias.position;  // distance of i = 0
  auto place = [&](int64_t distance) { const int64_t i = distance - shift; return int(i < begin ? begin : i > end ? end : i); };
  const int near = place(-bias.reach), far = place(bias.reach);
  for (int i = begin; i < near; i++) scores[i] += bias.zero[-bias.reach];
  for (int i = near; i < far; i++) scores[i] += bias.zero[shift + i];
  for (int i = far; i < end; i++) scores[i] += bias.zero[bias.reach];
}

struct RowPart { float largest, sum; };  // sum 0: the row sees no key of the chunk

// A thread's working memory, carved from the workspace.
struct AttentionScratch {
  float* query;   // [micro tile][headDim][rows of the micro tile], times scale
  float* scores;  // [kTileRows][kScoreStride]
  float* keys;    // [kGroupBlocks][headDim][16], widened from what the pool has
  float* values;  // [kGroupBlocks][16][stride], widened or padded
  float* part;    // [kTileRows][stride]
  float* total;   // [kTileRows][stride]
  RowPart parts[kTileRows], totals[kTileRows];
  int64_t lo[kTileRows], hi[kTileRows];  // positions each row sees
  RowBias bias[kTileRows];

  static size_t floats(int32_t headDim) {
    size_t d = size_t(headDim), stride = (d + 15) & ~size_t(15);
    return kTileRows * (d + kScoreStride + 2 * stride) + kGroupKeys * (d + stride);
  }
  AttentionScratch(float* memory, int32_t headDim, int stride)
      : query(memory), scores(query + kTileRows * headDim), keys(scores + kTileRows * kScoreStride), values(keys + kGroupKeys * headDim),
        part(values + kGroupKeys * stride), total(part + kTileRows * stride) {}
};

// Micro tiles share a tile's rows evenly.
HENCE_INLINE int microTiles(int rows) { return (rows + kMicroRows - 1) / kMicroRows; }
HENCE_INLINE int microBegin(int rows, int i) { return rows * i / microTiles(rows); }

HENCE_INLINE int64_t clamp(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }

// Finds and widens the blocks of one sequence and head.
template <KvType Type> struct KvReader {
  const AttentionArgs& a;
  const int32_t* blocks;  // of the sequence
  int32_t kvHead;
  int stride;
  static constexpr int64_t kElementBytes = BlockStream<Type>::kElementBytes;

  // Points at the numbers of blocks first .. end, at most a group; places beyond repeat the last.
  HENCE_INLINE void find(const uint8_t* pool, int64_t first, int64_t end, const uint8_t** to) const {
    for (int64_t i = 0; i < kGroupBlocks; i++)
      to[i] = pool + (int64_t(blocks[first + i < end ? first + i : end - 1]) * a.kvHeads + kvHead) * kvHeadBytes(Type, a.headDim) + kvScaleBytes(Type);
  }
  // to.now[i] = [headDim][16] of block i as f32; `copy` has place for a group.
  HENCE_INLINE void copyKeys(const BlockStream<Type>& from, int count, float* copy, BlockCopy& to) const {
    for (int i = 0; i < count; i++) to.now[i] = widened(from.now[i], copy + i * a.headDim * 16);
  }
  // to.now[i] = [16][stride] of block i as f32.
  HENCE_INLINE void copyValues(const BlockStream<Type>& from, int count, float* copy, BlockCopy& to) const {
    for (int i = 0; i < count; i++)
      to.now[i] = stride == a.headDim ? widened(from.now[i], copy + i * stride * 16) : padded(from.now[i], copy + i * stride * 16);
  }
  HENCE_INLINE const float* widened(const uint8_t* source, float* copy) const {
    if constexpr (Type == KvType::F32) return reinterpret_cast<const float*>(source);
    const int count = a.headDim * kKvBlockTokens;  // in a register: to the compiler a vector store may change any memory
#pragma GCC unroll 4
    for (int i = 0; i < count; i += 16) store(copy + i, BlockStream<Type>::loadAt(source + i * kElementBytes));
    return copy;
  }
  const float* padded(const uint8_t* source, float* copy) const {
    for (int t = 0; t < kKvBlockTokens; t++)
      for (int d = 0; d < a.headDim; d += 16) {
        const int n = a.headDim - d < 16 ? a.headDim - d : 16;
        uint8_t row[64] = {};
        std::memcpy(row, source + (t * a.headDim + d) * kElementBytes, size_t(n * kElementBytes));
        store(copy + t * stride + d, BlockStream<Type>::loadAt(row));
      }
    return copy;
  }
};

// Softmax of scores[begin .. end] in place, against their own largest. Places around them up to whole vectors may hold
// anything and become 0.
HENCE_INLINE RowPart exponentials(float* scores, int begin, int end, float softcap) {
  if (begin >= end) return {-__builtin_inff(), 0.0f};
  const int first = begin & ~15, last = (end + 15) & ~15;
  if (softcap > 0) {
    F cap = set1(softcap);
    for (int i = first; i < last; i += 16) store(scores + i, cap * tanh(load(scores + i) / cap));
  }
  for (int i = first; i < begin; i++) scores[i] = -__builtin_inff();
  for (int i = end; i < last; i++) scores[i] = -__builtin_inff();
  const float largest = largestOf(scores + first, last - first);
  F shift = set1(largest == -__builtin_inff() ? 0.0f : largest), sum = zero();
  for (int i = first; i < last; i += 16) {
    F e = exp(load(scores + i) - shift);
    store(scores + i, e);
    sum = sum + e;
  }
  return {largest, reduceAdd(sum)};
}

// Scores of rows begin .. end of the tile (one micro tile) against blocks first .. last of the chunk, one group.
template <class Blocks>
HENCE_INLINE void score(const AttentionScratch& s, int begin, int end, int64_t chunk, int64_t first, int64_t last, const Blocks& keys, int headDim) {
  const int64_t from = clamp(s.lo[begin] - chunk, first * 16, last * 16) / 16, to = (clamp(s.hi[end - 1] - chunk, first * 16, last * 16) + 15) / 16;
  if (from >= to) return;
  withRows(end - begin, [&]<int M>() {
    scoreRows<M>(s.query + begin * headDim, keys, int(from - first), int(to - first), headDim, s.scores + begin * kScoreStride + from * 16);
  });
}

// Weighted values of rows begin .. end of the tile (one micro tile) for blocks first .. last of the chunk, one group. Keys
// that all of these rows see run through one register tile; the few at the edges that only some see run row by row, in
// order. So a key that a row must not see is never multiplied, not even by zero.
template <class Blocks>
HENCE_INLINE void addValues(AttentionScratch& s, int begin, int end, int64_t chunk, int64_t first, int64_t last, const Blocks& values, int stride) {
  const int64_t from = first * 16, to = last * 16;
  int64_t common = clamp(s.lo[end - 1] - chunk, from, to), commonEnd = clamp(s.hi[begin] - chunk, from, to);
  if (common >= commonEnd) common = commonEnd = to;
  const float* weights = s.scores + from;
  auto single = [&](int64_t lo, int64_t hi, int row) {
    lo = clamp(s.lo[row] - chunk, lo, hi), hi = clamp(s.hi[row] - chunk, lo, hi);
    if (lo < hi) valueRows<1>(weights + row * kScoreStride, values, int(lo - from), int(hi - from), stride, s.part + row * stride);
  };
  for (int row = begin; row < end; row++) single(from, common, row);
  if (common < commonEnd)
    withRows(end - begin, [&]<int M>() {
      valueRows<M>(weights + begin * kScoreStride, values, int(common - from), int(commonEnd - from), stride, s.part + begin * stride);
    });
  for (int row = begin; row < end; row++) single(commonEnd, to, row);
}

// Scores, or weights, of all rows against blocks first .. last of the chunk, one group, times the scales of their tokens: what
// the bytes of keys lack after they were summed up, and those of values before.
HENCE_INLINE void applyScales(const AttentionScratch& s, int rows, int64_t first, int64_t last, const BlockStream<KvType::I8>& blocks) {
  for (int64_t b = first; b < last; b++) {
    const F scales = blocks.scales(int(b - first));
    for (float *at = s.scores + b * 16, *end = at + rows * kScoreStride; at < end; at += kScoreStride) store(at, load(at) * scales);
  }
}

// Fills s.part and s.parts for the chunk of keys that starts at position `chunk`.
template <KvType Type> void attendChunk(const AttentionArgs& a, const AttentionTile& tile, const KvReader<Type>& reader, int64_t chunk, AttentionScratch& s) {
  const int64_t begin = clamp(tile.lo - chunk, 0, kChunkKeys), end = clamp(tile.hi - chunk, 0, kChunkKeys);
  const int64_t firstBlock = begin / 16, endBlock = (end + 15) / 16, base = chunk / 16, tileEnd = (tile.hi + 15) / 16;
  const int micros = microTiles(tile.rows);
  BlockStream<Type> stream;
  BlockCopy copy;
  // Groups lie at multiples of kGroupBlocks; visit(first, last) gets their blocks that are seen.
  auto eachGroup = [&](const uint8_t* pool, const uint8_t* poolAfter, int64_t firstAfter, int64_t endAfter, const auto& visit) {
    for (int64_t first = firstBlock; first < endBlock;) {
      const int64_t last = clamp(first / kGroupBlocks * kGroupBlocks + kGroupBlocks, 0, endBlock);
      reader.find(pool, base + first, base + last, stream.now);
      if (last < endBlock) reader.find(pool, base + last, base + endBlock, stream.next);
      else if (firstAfter < endAfter) reader.find(poolAfter, firstAfter, endAfter, stream.next);
      visit(first, last);
      first = last;
    }
  };
  eachGroup(a.keyPool, a.valuePool, base + firstBlock, base + endBlock, [&](int64_t first, int64_t last) {
    const bool streamed = micros <= kStreamedMicros;
    if (!streamed) reader.copyKeys(stream, int(last - first), s.keys, copy);
    for (int i = 0; i < micros; i++) {
      const int row = microBegin(tile.rows, i), rowEnd = microBegin(tile.rows, i + 1);
      if (streamed) score(s, row, rowEnd, chunk, first, last, stream, a.headDim);
      else score(s, row, rowEnd, chunk, first, last, copy, a.headDim);
    }
    if constexpr (Type == KvType::I8) applyScales(s, tile.rows, first, last, stream);
  });
  for (int row = 0; row < tile.rows; row++) {
    float* scores = s.scores + row * kScoreStride;
    const int from = int(clamp(s.lo[row] - chunk, 0, kChunkKeys)), to = int(clamp(s.hi[row] - chunk, 0, kChunkKeys));
    addRelativeBias(s.bias[row], chunk, from, to, scores);
    s.parts[row] = exponentials(scores, from, to, a.softcap);
  }
  std::memset(s.part, 0, size_t(tile.rows) * size_t(reader.stride) * 4);
  eachGroup(a.valuePool, a.keyPool, base + endBlock, tileEnd, [&](int64_t first, int64_t last) {
    const bool streamed = micros <= kStreamedMicros && reader.stride == a.headDim;
    if (!streamed) reader.copyValues(stream, int(last - first), s.values, copy);
    if constexpr (Type == KvType::I8) applyScales(s, tile.rows, first, last, stream);
    for (int i = 0; i < micros; i++) {
      const int row = microBegin(tile.rows, i), rowEnd = microBegin(tile.rows, i + 1);
      if (streamed) addValues(s, row, rowEnd, chunk, first, last, stream, reader.stride);
      else addValues(s, row, rowEnd, chunk, first, last, copy, reader.stride);
    }
  });
}

// total = total ⊕ part, for one row. The fold runs over chunks in order, wherever they were computed.
HENCE_INLINE void fold(RowPart& total, float* totalSums, const RowPart& part, const float* partSums, int stride) {
  if (part.sum == 0) return;
  if (total.sum == 0) {
    total = part;
    std::memcpy(totalSums, partSums, size_t(stride) * 4);
    return;
  }
  const float largest = part.largest > total.largest ? part.largest : total.largest;
  const float keep = __builtin_expf(total.largest - largest), take = __builtin_expf(part.largest - largest);
  for (int c = 0; c < stride; c += 16) store(totalSums + c, fma(load(totalSums + c), set1(keep), load(partSums + c) * set1(take)));
  total = {largest, __builtin_fmaf(total.sum, keep, part.sum * take)};
}

// y = sums / sum, the sink included.
HENCE_INLINE void finish(const RowPart& total, const float* sums, const float* sink, float* y, int headDim) {
  float numerator = 1.0f, denominator = total.sum;
  if (sink) {
    const float largest = *sink > total.largest ? *sink : total.largest;
    numerator = __builtin_expf(total.largest - largest);
    denominator = total.sum * numerator + __builtin_expf(*sink - largest);
  }
  F factor = set1(numerator / denominator);
  for (int d = 0; d < headDim; d += 16)
    storePartial(y + d, load(sums + d) * factor, headDim - d < 16 ? headDim - d : 16);
}

}  // namespace hence::HENCE_TARGET

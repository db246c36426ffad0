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

struct AttentionTile {
  int64_t sequence, firstRow;  // row = (query in the sequence) · group + head in the group
  int64_t lo, hi;              // positions some row sees
  int64_t cost;
  int32_t kvHead, rows;
  int64_t firstChunk() const { return lo / kChunkKeys; }
  int64_t chunks() const { return (hi - 1) / kChunkKeys - firstChunk() + 1; }
};

struct RowPart { float largest, sum; };  // sum 0: the row sees no key of the chunk

// A thread's working memory, carved from the workspace.
struct AttentionScratch {
  float* query;   // [micro tile][headDim][rows of the micro tile], times scale
  float* scores;  // [kTileRows][kScoreStride]
  float* keys;    // [kGroupBlocks][headDim][16], widened from a 16-bit pool
  float* values;  // [kGroupBlocks][16][stride], widened or padded
  float* part;    // [kTileRows][stride]
  float* total;   // [kTileRows][stride]
  RowPart parts[kTileRows], totals[kTileRows];
  int64_t lo[kTileRows], hi[kTileRows];  // positions each row sees

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

template <FloatType Type> HENCE_INLINE F loadAs(const uint8_t* pool, int64_t i) {
  if constexpr (Type == FloatType::F32) return load(reinterpret_cast<const float*>(pool) + i);
  else if constexpr (Type == FloatType::F16) return loadF16(reinterpret_cast<const uint16_t*>(pool) + i);
  else return loadBF16(reinterpret_cast<const uint16_t*>(pool) + i);
}

// Reads the pools of one sequence and head as f32.
template <FloatType Type> struct KvReader {
  const AttentionArgs& a;
  const int32_t* blocks;  // of the sequence
  int32_t kvHead;
  int stride;
  static constexpr int64_t kElementBytes = Type == FloatType::F32 ? 4 : 2;

  HENCE_INLINE const uint8_t* block(const uint8_t* pool, int64_t i) const {
    return pool + (int64_t(blocks[i]) * a.kvHeads + kvHead) * a.headDim * kKvBlockTokens * kElementBytes;
  }
  // Sets keys[i] to [headDim][16] of block `first` + i; `copy` is the place for it where the pool is not f32.
  HENCE_INLINE void keys(int64_t first, int count, float* copy, const float** keys) const {
    for (int i = 0; i < count; i++) {
      const uint8_t* source = block(a.keyPool, first + i);
      if constexpr (Type == FloatType::F32) keys[i] = reinterpret_cast<const float*>(source);
      else keys[i] = widen(source, copy + i * a.headDim * 16);
    }
  }
  // Sets values[i] to [16][stride] of block `first` + i.
  HENCE_INLINE void values(int64_t first, int count, float* copy, const float** values) const {
    for (int i = 0; i < count; i++) {
      const uint8_t* source = block(a.valuePool, first + i);
      if (stride != a.headDim) values[i] = pad(source, copy + i * stride * 16);
      else if constexpr (Type == FloatType::F32) values[i] = reinterpret_cast<const float*>(source);
      else values[i] = widen(source, copy + i * stride * 16);
    }
  }
  HENCE_INLINE const float* widen(const uint8_t* source, float* copy) const {
    for (int i = 0; i < a.headDim * 16; i += 16) store(copy + i, loadAs<Type>(source, i));
    return copy;
  }
  const float* pad(const uint8_t* source, float* copy) const {
    for (int t = 0; t < kKvBlockTokens; t++)
      for (int d = 0; d < a.headDim; d += 16) {
        const int n = a.headDim - d < 16 ? a.headDim - d : 16;
        uint8_t row[64] = {};
        std::memcpy(row, source + (t * a.headDim + d) * kElementBytes, size_t(n * kElementBytes));
        store(copy + t * stride + d, loadAs<Type>(row, 0));
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

HENCE_INLINE int64_t clamp(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }

// Weighted values of rows begin .. end of the tile for keys from .. to of the chunk, all of one group. Keys that all of
// these rows see run through one tile; the few at the edges that only some see run row by row, in order. So a key that
// a row must not see is never multiplied, not even by zero.
inline void addValues(AttentionScratch& s, int begin, int end, int64_t chunk, int64_t from, int64_t to, const float* const* values, int stride) {
  int64_t common = clamp(s.lo[end - 1] - chunk, from, to), commonEnd = clamp(s.hi[begin] - chunk, from, to);
  if (common >= commonEnd) common = commonEnd = to;
  const float* weights = s.scores + from;
  auto single = [&](int64_t lo, int64_t hi, int row) {
    lo = clamp(s.lo[row] - chunk, lo, hi), hi = clamp(s.hi[row] - chunk, lo, hi);
    if (lo < hi) valueRows<1>(weights + row * kScoreStride, values, int(lo - from), int(hi - from), stride, s.part + row * stride);
  };
  for (int row = begin; row < end; row++) single(from, common, row);
  if (common < commonEnd)
    valueRows(end - begin, weights + begin * kScoreStride, values, int(common - from), int(commonEnd - from), stride, s.part + begin * stride);
  for (int row = begin; row < end; row++) single(commonEnd, to, row);
}

// Fills s.part and s.parts for the chunk of keys that starts at position `chunk`.
template <FloatType Type> void attendChunk(const AttentionArgs& a, const AttentionTile& tile, const KvReader<Type>& reader, int64_t chunk, AttentionScratch& s) {
  const int64_t begin = clamp(tile.lo - chunk, 0, kChunkKeys), end = clamp(tile.hi - chunk, 0, kChunkKeys);
  const int64_t firstGroup = begin / kGroupKeys * kGroupKeys;
  const int micros = microTiles(tile.rows);
  const float* blocks[kGroupBlocks];
  for (int64_t group = firstGroup; group < end; group += kGroupKeys) {
    const int64_t first = (group > begin ? group : begin) / 16, last = (clamp(end, group, group + kGroupKeys) + 15) / 16;
    reader.keys(chunk / 16 + first, int(last - first), s.keys, blocks);
    for (int i = 0; i < micros; i++) {
      const int row = microBegin(tile.rows, i), rowEnd = microBegin(tile.rows, i + 1);
      const int64_t from = clamp(s.lo[row] - chunk, first * 16, last * 16) / 16, to = (clamp(s.hi[rowEnd - 1] - chunk, first * 16, last * 16) + 15) / 16;
      if (from < to)
        scoreRows(rowEnd - row, s.query + row * a.headDim, blocks + (from - first), int(to - from), a.headDim, s.scores + row * kScoreStride + from * 16);
    }
  }
  for (int row = 0; row < tile.rows; row++)
    s.parts[row] = exponentials(s.scores + row * kScoreStride, int(clamp(s.lo[row] - chunk, 0, kChunkKeys)), int(clamp(s.hi[row] - chunk, 0, kChunkKeys)), a.softcap);
  std::memset(s.part, 0, size_t(tile.rows) * size_t(reader.stride) * 4);
  for (int64_t group = firstGroup; group < end; group += kGroupKeys) {
    const int64_t first = (group > begin ? group : begin) / 16, last = (clamp(end, group, group + kGroupKeys) + 15) / 16;
    reader.values(chunk / 16 + first, int(last - first), s.values, blocks);
    for (int i = 0; i < micros; i++)
      addValues(s, microBegin(tile.rows, i), microBegin(tile.rows, i + 1), chunk, first * 16, last * 16, blocks, reader.stride);
  }
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

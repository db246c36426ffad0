// Attention of prompts on the AMX unit, in bf16, for pools of 16 or 8 bits and heads of whole tiles: 32 rows at a time against
// a chunk of keys, whose blocks were turned into tiles once for a band of rows. Scores, softmax and sums stay in f32. A byte is
// exact in bf16; scales meet scores and weights in f32.
//
//   scores [32][512] = Q tiles · K tiles      A: 16 rows x 32 dims    B: 32 dims (in pairs) x 16 keys
//   values [32][dim] = P tiles · V tiles      A: 16 rows x 32 keys    B: 32 keys (in pairs) x 16 dims
#pragma once
#include "attention-tile.h"
#include "matmul-tiles.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

constexpr int kBandRows = 256;       // share one conversion of keys and values
constexpr int kStripRows = 32;       // of a band, computed together
constexpr int64_t kTiledQueries = 16; // from here on a sequence's queries fill tiles
constexpr int kStripStride = kChunkKeys + 16;
constexpr int kChunkBlocks = kChunkKeys / kKvBlockTokens;
constexpr int kPairKeys = 2 * kKvBlockTokens;

HENCE_INLINE bool isTiled(const AttentionArgs& a, int64_t sequence) {
  return a.precision == Precision::Fast && a.type != KvType::F32 && a.headDim % 32 == 0 && a.headDim <= 256 &&
         a.queryStarts[sequence + 1] - a.queryStarts[sequence] >= kTiledQueries;
}

// A thread's working memory.
struct TiledScratch {
  uint8_t *query, *keys, *values, *weights;  // tiles: [row tile][dim step], [block][dim step], [pair][dim tile], [row tile][pair]
  float *scores, *part, *total;              // [32][kStripStride], [32][headDim], [kBandRows][headDim]
  float *keyScales, *valueScales;            // [kChunkKeys], of an I8 pool
  RowPart parts[kBandRows];

  static size_t bytes(int32_t d) { return size_t(d) * 2 * (kBandRows + 2 * kChunkKeys) + kStripRows * kChunkKeys * 2 + 4 * (kStripRows * (kStripStride + size_t(d)) + size_t(kBandRows * d) + 2 * kChunkKeys); }
  TiledScratch(uint8_t* memory, int32_t d) {
    query = memory;
    keys = query + kBandRows * d * 2;
    values = keys + kChunkKeys * d * 2;
    weights = values + kChunkKeys * d * 2;
    scores = reinterpret_cast<float*>(weights + kStripRows * kChunkKeys * 2);
    part = scores + kStripRows * kStripStride;
    total = part + kStripRows * d;
    keyScales = total + kBandRows * d;
    valueScales = keyScales + kChunkKeys;
  }
};

// Sixteen lanes of two rows, as bf16 pairs (first, second) lane by lane: one row of a B tile.
HENCE_INLINE void storePairs(uint8_t* to, F first, F second) {
  alignas(64) static constexpr uint16_t kInterleave[32] = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v);
  _mm512_store_si512(to, _mm512_permutexvar_epi16(_mm512_load_si512(kInterleave), both));
}

// One sequence and key head, queries as rows: row = (query in the sequence) · group + head in the group.
struct TiledHead {
  const AttentionArgs& a;
  int64_t sequence;
  int32_t kvHead, group;

  int64_t queries() const { return a.queryStarts[sequence + 1] - a.queryStarts[sequence]; }
  int64_t rows() const { return queries() * group; }
  int64_t context() const { return a.contextLengths[sequence]; }
  int64_t position(int64_t row) const { return context() - queries() + row / group; }
  int64_t seenEnd(int64_t row) const { return a.causal ? position(row) + 1 : context(); }
  int64_t firstSeen(int64_t row) const {
    const int64_t p = position(row);
    return a.window > 0 && p >= a.window ? p - a.window + 1 : 0;
  }
  int32_t head(int64_t row) const { return kvHead * group + int32_t(row % group); }
  int64_t at(int64_t row) const { return ((a.queryStarts[sequence] + row / group) * a.heads + head(row)) * a.headDim; }
  // Numbers of a block.
  const uint8_t* block(const uint8_t* pool, int64_t index) const {
    const int64_t id = a.blocks[a.blockStarts[sequence] + index];
    return pool + (id * a.kvHeads + kvHead) * kvHeadBytes(a.type, a.headDim) + kvScaleBytes(a.type);
  }
};

HENCE_INLINE void tileQueries(const TiledHead& h, int64_t firstRow, int rows, TiledScratch& s) {
  const int d = h.a.headDim;
  const F scale = set1(h.a.scale);
  for (int r = 0; r < (rows + kStripRows - 1) / kStripRows * kStripRows; r++) {
    uint8_t* to = s.query + (r / 16) * 16 * d * 2 + r % 16 * 64;
    const float* q = h.a.query + h.at(firstRow + (r < rows ? r : 0));
    for (int i = 0; i < d; i += 32) _mm512_store_si512(to + i / 32 * kTileBytes, (__m512i)_mm512_cvtne2ps_pbh((load(q + i + 16) * scale).v, (load(q + i) * scale).v));
  }
}

// Blocks of the chunk as tiles. Keys and values outside [lo, hi) are places nobody wrote or sees: values there become 0,
// so that a weight of 0 times whatever they hold stays 0; scores there are masked.
template <KvType Type> void tileChunk(const TiledHead& h, int64_t chunk, int64_t lo, int64_t hi, TiledScratch& s) {
  const int d = h.a.headDim;
  auto at = [](const uint8_t* numbers, int i) { return BlockStream<Type>::loadAt(numbers + i * kvElementBytes(Type)); };
  const int64_t end = (hi - chunk + kPairKeys - 1) / kPairKeys * 2, last = (h.context() - 1) / kKvBlockTokens;
  for (int64_t b = (lo > chunk ? (lo - chunk) / kPairKeys * 2 : 0); b < (end < kChunkBlocks ? end : kChunkBlocks); b++) {
    const int64_t index = chunk / kKvBlockTokens + b, first = index * kKvBlockTokens;
    const uint8_t* key = h.block(h.a.keyPool, index < last ? index : last);
    for (int i = 0; i < d; i += 2) storePairs(s.keys + (b * d / 32 + i / 32) * kTileBytes + i % 32 / 2 * 64, at(key, i * 16), at(key, i * 16 + 16));
    const uint8_t* value = h.block(h.a.valuePool, index < last ? index : last);
    if constexpr (Type == KvType::I8) {
      store(s.keyScales + b * 16, load(reinterpret_cast<const float*>(key - kvScaleBytes(Type))));
      float* scales = s.valueScales + b * 16;
      store(scales, load(reinterpret_cast<const float*>(value - kvScaleBytes(Type))));
      for (int t = 0; t < kKvBlockTokens; t++) if (first + t < lo || first + t >= hi) scales[t] = 0;
    }
    for (int t = 0; t < kKvBlockTokens; t += 2) {
      const bool seen0 = first + t >= lo && first + t < hi, seen1 = first + t + 1 >= lo && first + t + 1 < hi;
      uint8_t* to = s.values + b / 2 * (d / 16) * kTileBytes + (b % 2 * 8 + t / 2) * 64;
      for (int i = 0; i < d; i += 16) {
        const F x = seen0 ? at(value, t * d + i) : zero(), y = seen1 ? at(value, (t + 1) * d + i) : zero();
        storePairs(to + i / 16 * kTileBytes, x, y);
      }
    }
  }
}

// scores of a strip against pairs of blocks [begin, end).
HENCE_INLINE void scoreStrip(const uint8_t* query, int steps, int begin, int end, TiledScratch& s) {
  for (int pair = begin; pair < end; pair++) {
    zeroProducts();
    for (int i = 0; i < steps; i++) {
      _tile_loadd(4, query + i * kTileBytes, 64);
      _tile_loadd(5, query + (steps + i) * kTileBytes, 64);
      _tile_loadd(6, s.keys + (2 * pair * steps + i) * kTileBytes, 64);
      _tile_loadd(7, s.keys + ((2 * pair + 1) * steps + i) * kTileBytes, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    float* to = s.scores + pair * kPairKeys;
    _tile_stored(0, to, kStripStride * 4);
    _tile_stored(1, to + 16, kStripStride * 4);
    _tile_stored(2, to + 16 * kStripStride, kStripStride * 4);
    _tile_stored(3, to + 16 * kStripStride + 16, kStripStride * 4);
  }
}

// Weighted values of a strip over pairs [begin, end) into s.part.
HENCE_INLINE void sumStrip(int d, int begin, int end, TiledScratch& s) {
  for (int i = 0; i < d / 16; i += 2) {
    zeroProducts();
    for (int pair = begin; pair < end; pair++) {
      _tile_loadd(4, s.weights + pair * kTileBytes, 64);
      _tile_loadd(5, s.weights + (kChunkBlocks / 2 + pair) * kTileBytes, 64);
      _tile_loadd(6, s.values + (pair * (d / 16) + i) * kTileBytes, 64);
      _tile_loadd(7, s.values + (pair * (d / 16) + i + 1) * kTileBytes, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    float* to = s.part + i * 16;
    _tile_stored(0, to, d * 4);
    _tile_stored(1, to + 16, d * 4);
    _tile_stored(2, to + 16 * d, d * 4);
    _tile_stored(3, to + 16 * d + 16, d * 4);
  }
}

// Rows [firstRow + strip, + count) of the band against one chunk.
template <KvType Type> void attendStrip(const TiledHead& h, int64_t firstRow, int strip, int count, int64_t chunk, TiledScratch& s) {
  const int d = h.a.headDim;
  const int64_t row0 = firstRow + strip, seenEnd = h.seenEnd(row0 + count - 1) - chunk;
  const int64_t seenBegin = h.firstSeen(row0) - chunk;
  if (seenEnd <= 0 || seenBegin >= kChunkKeys) return;
  const int begin = seenBegin > 0 ? int(seenBegin) / kPairKeys : 0, end = seenEnd < kChunkKeys ? int(seenEnd + kPairKeys - 1) / kPairKeys : kChunkBlocks / 2;
  scoreStrip(s.query + strip * d * 2, d / 32, begin, end, s);
  tileBarrier();
  RowPart parts[kStripRows];
  for (int r = 0; r < kStripRows; r++) {
    float* scores = s.scores + r * kStripStride;
    uint8_t* weights = s.weights + r / 16 * (kChunkBlocks / 2) * kTileBytes + r % 16 * 64;
    int from = 0, to = 0;
    if (r < count) {
      if constexpr (Type == KvType::I8)
        for (int k = begin * kPairKeys; k < end * kPairKeys; k += 16) store(scores + k, load(scores + k) * load(s.keyScales + k));
      from = int(clamp(h.firstSeen(row0 + r) - chunk, 0, kChunkKeys)), to = int(clamp(h.seenEnd(row0 + r) - chunk, 0, kChunkKeys));
      addRelativeBias(relativeBiasOf(h.a, h.head(row0 + r), h.position(row0 + r)), chunk, from, to, scores);
      parts[r] = exponentials(scores, from, to, h.a.softcap);
    }
    const int first = from & ~15, last = from < to ? (to + 15) & ~15 : first;  // what exponentials left defined
    for (int pair = begin; pair < end; pair++) {
      const int k = pair * kPairKeys;
      auto weightsAt = [&](int i) {
        if (i < first || i >= last) return zero();
        if constexpr (Type == KvType::I8) return load(scores + i) * load(s.valueScales + i);
        else return load(scores + i);
      };
      const F low = weightsAt(k), high = weightsAt(k + 16);
      _mm512_store_si512(weights + pair * kTileBytes, (__m512i)_mm512_cvtne2ps_pbh(high.v, low.v));
    }
  }
  tileBarrier();
  sumStrip(d, begin, end, s);
  tileBarrier();
  for (int r = 0; r < count; r++) fold(s.parts[strip + r], s.total + (strip + r) * d, parts[r], s.part + r * d, d);
}

template <KvType Type> void attendBand(const TiledHead& h, int64_t firstRow, int rows, TiledScratch& s) {
  const int d = h.a.headDim;
  const int64_t lo = h.firstSeen(firstRow), hi = h.seenEnd(firstRow + rows - 1);
  tileQueries(h, firstRow, rows, s);
  for (int r = 0; r < rows; r++) s.parts[r] = {-__builtin_inff(), 0.0f};
  for (int64_t chunk = lo / kChunkKeys * kChunkKeys; chunk < hi; chunk += kChunkKeys) {
    tileChunk<Type>(h, chunk, lo, hi, s);
    for (int strip = 0; strip < rows; strip += kStripRows) attendStrip<Type>(h, firstRow, strip, rows - strip < kStripRows ? rows - strip : kStripRows, chunk, s);
  }
  for (int r = 0; r < rows; r++)
    finish(s.parts[r], s.total + r * d, h.a.sinks ? h.a.sinks + h.head(firstRow + r) : nullptr, h.a.y + h.at(firstRow + r), d);
}

// Bands of all tiled sequences, shared by their cost: keys seen, times rows.
template <KvType Type> void attendTiled(const AttentionArgs& a, const Thread& t, uint8_t* memory) {
  auto eachBand = [&](const auto& visit) {
    for (int64_t sequence = 0; sequence < a.sequences; sequence++) {
      if (!isTiled(a, sequence)) continue;
      for (int32_t kvHead = 0; kvHead < a.kvHeads; kvHead++) {
        const TiledHead h{a, sequence, kvHead, a.heads / a.kvHeads};
        for (int64_t row = 0; row < h.rows(); row += kBandRows) {
          const int rows = int(h.rows() - row < kBandRows ? h.rows() - row : kBandRows);
          visit(h, row, rows, (h.seenEnd(row + rows - 1) - h.firstSeen(row)) * rows);
        }
      }
    }
  };
  int64_t cost = 0, start = 0;
  eachBand([&](const TiledHead&, int64_t, int, int64_t c) { cost += c; });
  if (cost == 0) return;
  TiledScratch scratch(memory, a.headDim);
  configureFullTiles();
  eachBand([&](const TiledHead& h, int64_t row, int rows, int64_t c) {
    // A band belongs to the thread in whose share its middle lies.
    if ((start + c / 2) * t.count / cost == t.index) attendBand<Type>(h, row, rows, scratch);
    start += c;
  });
  _tile_release();
}

}  // namespace hence::HENCE_TARGET

#endif

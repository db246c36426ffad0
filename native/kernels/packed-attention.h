// Attention over one head whose keys were packed into columns of sixteen and its values into padded rows: tiles of queries
// meet chunks of keys, and the partial softmaxes of chunks are folded in order. No matrix of queries by keys exists beyond a
// tile. Source: Dao et al. 2022 (tiling).
#pragma once
#include "attention-tile.h"
#include "copy.h"

namespace hence::HENCE_TARGET {

// A thread's working memory for heads of up to `keyCount` keys, as offsets in floats.
struct PackedHeadMemory {
  int64_t mostKeys;  // in whole blocks
  int stride;        // of a row of values: valueDim in whole vectors
  size_t query, scores, part, total, keys, values, floats;

  PackedHeadMemory(int64_t keyCount, int32_t headDim, int32_t valueDim) : mostKeys((keyCount + 15) & ~int64_t(15)), stride((valueDim + 15) & ~15) {
    size_t at = 0;
    auto take = [&](size_t count) { size_t begin = at; at += (count + 15) & ~size_t(15); return begin; };
    query = take(size_t(kTileRows) * size_t(headDim)), scores = take(size_t(kTileRows) * kScoreStride);
    part = take(size_t(kTileRows) * size_t(stride)), total = take(size_t(kTileRows) * size_t(stride));
    keys = take(size_t(mostKeys) * size_t(headDim)), values = take(size_t(mostKeys) * size_t(stride));
    floats = at;
  }
};

// One head's keys and values where they come from.
struct HeadSource {
  const float *key, *value;
  int64_t keyStride, valueStride;  // between tokens
  int64_t count;
  int headDim, valueDim;
};

// Keys as [block][headDim][16] and values as [key][stride]; what is beyond the last key is zero.
inline void packHead(const HeadSource& h, const PackedHeadMemory& m, float* memory) {
  float *keys = memory + m.keys, *values = memory + m.values;
  const int64_t padded = (h.count + 15) & ~int64_t(15);
  for (int64_t k = 0; k < padded; k += 16) {
    const int64_t n = h.count - k < 16 ? h.count - k : 16;
    float* to = keys + k * h.headDim;
    if (n < 16) std::memset(to, 0, size_t(h.headDim) * 64);
    transposeTile<uint32_t>((const uint8_t*)(h.key + k * h.keyStride), h.keyStride, (uint8_t*)to, 16, n, h.headDim);
  }
  for (int64_t k = 0; k < padded; k++) {
    float* to = values + k * m.stride;
    if (k >= h.count || m.stride != h.valueDim) std::memset(to, 0, size_t(m.stride) * 4);
    if (k < h.count) std::memcpy(to, h.value + k * h.valueStride, size_t(h.valueDim) * 4);
  }
}

// The queries of one tile, at most kTileRows, and where their results go.
struct TileQueries {
  const float* query;
  float* y;
  int64_t queryStride, yStride;  // between rows
  int rows, headDim, valueDim;
  float scale, softcap;
  float unseen;  // the result of a row that sees no key
};

// seen(row) is the range of keys a row sees; neither end may go back from row to row. adjust(row, scores, chunk, begin, end)
// adds to the scores begin .. end of the chunk of keys that starts at `chunk`.
template <class Seen, class Adjust>
inline void attendPacked(const TileQueries& p, const PackedHeadMemory& m, float* memory, const Seen& seen, const Adjust& adjust) {
  float *packed = memory + m.query, *scores = memory + m.scores, *part = memory + m.part, *total = memory + m.total;
  RowPart parts[kTileRows], totals[kTileRows];
  const int micros = microTiles(p.rows);
  for (int i = 0; i < micros; i++) {
    const int begin = microBegin(p.rows, i), count = microBegin(p.rows, i + 1) - begin;
    const int headDim = p.headDim;
    const float scale = p.scale;
    for (int r = 0; r < count; r++) {
      const float* q = p.query + (begin + r) * p.queryStride;
      float* to = packed + begin * headDim + r;
      for (int d = 0; d < headDim; d++, to += count) *to = q[d] * scale;
    }
  }
  for (int r = 0; r < p.rows; r++) totals[r] = {-__builtin_inff(), 0.0f};
  const int64_t keyBegin = seen(0).begin, keyEnd = seen(p.rows - 1).end;
  for (int64_t chunk = keyBegin / kChunkKeys * kChunkKeys; chunk < keyEnd; chunk += kChunkKeys) {
    const int64_t keys = keyEnd - chunk < kChunkKeys ? keyEnd - chunk : kChunkKeys;
    const int firstBlock = keyBegin > chunk ? int((keyBegin - chunk) / 16) : 0, blocks = int((keys + 15) / 16);
    auto eachGroup = [&](const float* data, int64_t blockFloats, const auto& body) {
      for (int b = firstBlock; b < blocks; b += kGroupBlocks) {
        BlockCopy copy;
        const int count = blocks - b < kGroupBlocks ? blocks - b : kGroupBlocks;
        for (int i = 0; i < kGroupBlocks; i++) copy.now[i] = data + (chunk / 16 + b + (i < count ? i : 0)) * blockFloats;
        for (int i = 0; i < micros; i++) {
          const int begin = microBegin(p.rows, i);
          withRows(microBegin(p.rows, i + 1) - begin, [&]<int M>() { body.template operator()<M>(copy, b, count, begin); });
        }
      }
    };
    eachGroup(memory + m.keys, int64_t(p.headDim) * 16, [&]<int M>(const BlockCopy& copy, int b, int count, int begin) {
      scoreRows<M>(packed + begin * p.headDim, copy, 0, count, p.headDim, scores + begin * kScoreStride + b * 16);
    });
    for (int r = 0; r < p.rows; r++) {
      float* row = scores + r * kScoreStride;
      const Range range = seen(r);
      const int begin = int(clamp(range.begin - chunk, 0, keys)), end = int(clamp(range.end - chunk, 0, keys));
      if (begin < end) adjust(r, row, chunk, begin, end);
      parts[r] = exponentials(row, begin, end, p.softcap);
      const int whole = begin < end ? begin & ~15 : blocks * 16;
      for (int k = firstBlock * 16; k < whole; k += 16) store(row + k, zero());
      if (begin < end)
        for (int k = (end + 15) & ~15; k < blocks * 16; k += 16) store(row + k, zero());
      std::memset(part + r * m.stride, 0, size_t(m.stride) * 4);
    }
    eachGroup(memory + m.values, int64_t(m.stride) * 16, [&]<int M>(const BlockCopy& copy, int b, int count, int begin) {
      valueRows<M>(scores + begin * kScoreStride + b * 16, copy, 0, count * 16, m.stride, part + begin * m.stride);
    });
    for (int r = 0; r < p.rows; r++) fold(totals[r], total + r * m.stride, parts[r], part + r * m.stride, m.stride);
  }
  for (int r = 0; r < p.rows; r++) {
    float* y = p.y + r * p.yStride;
    if (totals[r].sum > 0) finish(totals[r], total + r * m.stride, nullptr, y, p.valueDim);
    else for (int d = 0; d < p.valueDim; d++) y[d] = p.unseen;
  }
}

// Tiles of at most kTileRows rows share `rows` evenly.
HENCE_INLINE int64_t packedTiles(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }

}  // namespace hence::HENCE_TARGET

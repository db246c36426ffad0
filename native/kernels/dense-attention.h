// Attention over dense keys and values. A head's keys are packed into columns of sixteen and its values into padded rows,
// once per thread that needs them; then tiles of queries meet chunks of keys, and the partial softmaxes of chunks are
// folded in order. No matrix of queries by keys exists beyond a tile. Source: Dao et al. 2022 (tiling).
#pragma once
#include "attention-tile.h"
#include "copy.h"

namespace hence::HENCE_TARGET {

struct DenseAttentionMemory {
  int64_t paddedKeys;
  int stride;  // of a row of values: valueDim in whole vectors
  size_t query, scores, part, total, keys, values, floats;

  DenseAttentionMemory(int64_t keyCount, int32_t headDim, int32_t valueDim) : paddedKeys((keyCount + 15) & ~int64_t(15)), stride((valueDim + 15) & ~15) {
    size_t at = 0;
    auto take = [&](size_t count) { size_t begin = at; at += (count + 15) & ~size_t(15); return begin; };
    query = take(size_t(kTileRows) * size_t(headDim)), scores = take(size_t(kTileRows) * kScoreStride);
    part = take(size_t(kTileRows) * size_t(stride)), total = take(size_t(kTileRows) * size_t(stride));
    keys = take(size_t(paddedKeys) * size_t(headDim)), values = take(size_t(paddedKeys) * size_t(stride));
    floats = at;
  }
};

// Keys of a head as [block][headDim][16] and its values as [key][stride]; what is beyond the last key is zero.
inline void packHead(const DenseAttentionArgs& a, const DenseAttentionMemory& m, const float* key, const float* value, float* keys, float* values) {
  for (int64_t k = 0; k < m.paddedKeys; k += 16) {
    const int64_t n = a.keys - k < 16 ? a.keys - k : 16;
    float* to = keys + k * a.headDim;
    if (n < 16) std::memset(to, 0, size_t(a.headDim) * 64);
    transposeTile<uint32_t>((const uint8_t*)(key + k * a.keyStrides.row), a.keyStrides.row, (uint8_t*)to, 16, n, a.headDim);
  }
  for (int64_t k = 0; k < m.paddedKeys; k++) {
    float* to = values + k * m.stride;
    if (k >= a.keys || m.stride != a.valueDim) std::memset(to, 0, size_t(m.stride) * 4);
    if (k < a.keys) std::memcpy(to, value + k * a.valueStrides.row, size_t(a.valueDim) * 4);
  }
}

// One tile: queries first .. first + rows of one head.
inline void denseTile(const DenseAttentionArgs& a, const DenseAttentionMemory& m, float* memory, const float* query, const float* mask, float* y, int64_t first, int rows) {
  float *packed = memory + m.query, *scores = memory + m.scores, *part = memory + m.part, *total = memory + m.total;
  RowPart parts[kTileRows], totals[kTileRows];
  const int micros = microTiles(rows);
  for (int i = 0; i < micros; i++) {
    const int begin = microBegin(rows, i), count = microBegin(rows, i + 1) - begin;
    const int headDim = a.headDim;
    const float scale = a.scale;
    for (int r = 0; r < count; r++) {
      const float* q = query + (first + begin + r) * a.queryStrides.row;
      float* to = packed + begin * headDim + r;
      for (int d = 0; d < headDim; d++, to += count) *to = q[d] * scale;
    }
  }
  for (int r = 0; r < rows; r++) totals[r] = {-__builtin_inff(), 0.0f};
  auto seen = [&](int r) { return a.causal < 0 || first + r + a.causal + 1 > a.keys ? a.keys : first + r + a.causal + 1; };
  const int64_t keyEnd = seen(rows - 1);
  for (int64_t chunk = 0; chunk < keyEnd; chunk += kChunkKeys) {
    const int64_t keys = keyEnd - chunk < kChunkKeys ? keyEnd - chunk : kChunkKeys;
    const int blocks = int((keys + 15) / 16);
    auto eachGroup = [&](const float* data, int64_t blockFloats, const auto& body) {
      for (int b = 0; b < blocks; b += kGroupBlocks) {
        BlockCopy copy;
        const int count = blocks - b < kGroupBlocks ? blocks - b : kGroupBlocks;
        for (int i = 0; i < kGroupBlocks; i++) copy.now[i] = data + (chunk / 16 + b + (i < count ? i : 0)) * blockFloats;
        for (int i = 0; i < micros; i++) {
          const int begin = microBegin(rows, i);
          withRows(microBegin(rows, i + 1) - begin, [&]<int M>() { body.template operator()<M>(copy, b, count, begin); });
        }
      }
    };
    eachGroup(memory + m.keys, int64_t(a.headDim) * 16, [&]<int M>(const BlockCopy& copy, int b, int count, int begin) {
      scoreRows<M>(packed + begin * a.headDim, copy, 0, count, a.headDim, scores + begin * kScoreStride + b * 16);
    });
    for (int r = 0; r < rows; r++) {
      float* row = scores + r * kScoreStride;
      const int end = int(clamp(seen(r) - chunk, 0, keys));
      if (mask) {
        const float* add = mask + (first + r) * a.maskStrides.row + chunk;
        int k = 0;
        for (; k + 16 <= end; k += 16) store(row + k, load(row + k) + load(add + k));
        for (; k < end; k++) row[k] += add[k];
      }
      parts[r] = exponentials(row, 0, end, 0);
      for (int k = (end + 15) & ~15; k < blocks * 16; k += 16) store(row + k, zero());
      std::memset(part + r * m.stride, 0, size_t(m.stride) * 4);
    }
    eachGroup(memory + m.values, int64_t(m.stride) * 16, [&]<int M>(const BlockCopy& copy, int b, int count, int begin) {
      valueRows<M>(scores + begin * kScoreStride + b * 16, copy, 0, count * 16, m.stride, part + begin * m.stride);
    });
    for (int r = 0; r < rows; r++) fold(totals[r], total + r * m.stride, parts[r], part + r * m.stride, m.stride);
  }
  for (int r = 0; r < rows; r++) finish(totals[r], total + r * m.stride, nullptr, y + (first + r) * a.yStrides.row, a.valueDim);
}

inline void denseAttention(const DenseAttentionArgs& a, const Thread& t) {
  const DenseAttentionMemory m(a.keys, a.headDim, a.valueDim);
  float* memory = reinterpret_cast<float*>(a.workspace) + m.floats * size_t(t.index);
  const int64_t tiles = (a.queries + kTileRows - 1) / kTileRows;
  const Range share = t.share(a.batch * a.heads * tiles);
  int64_t packedHead = -1;
  for (int64_t at = share.begin; at < share.end; at++) {
    const int64_t tile = at % tiles, head = at / tiles % a.heads, batch = at / tiles / a.heads, kvHead = head / (a.heads / a.kvHeads);
    if (const int64_t wanted = batch * a.kvHeads + kvHead; wanted != packedHead) {
      packHead(a, m, a.key + batch * a.keyStrides.batch + kvHead * a.keyStrides.head, a.value + batch * a.valueStrides.batch + kvHead * a.valueStrides.head, memory + m.keys, memory + m.values);
      packedHead = wanted;
    }
    auto of = [&](const float* p, const DenseStrides& s) { return p + batch * s.batch + head * s.head; };
    const int64_t first = a.queries * tile / tiles;
    denseTile(a, m, memory, of(a.query, a.queryStrides), a.mask ? of(a.mask, a.maskStrides) : nullptr, a.y + batch * a.yStrides.batch + head * a.yStrides.head, first,
              int(a.queries * (tile + 1) / tiles - first));
  }
}

inline size_t denseAttentionWorkspace(int64_t keys, int32_t headDim, int32_t valueDim, int threads) {
  return DenseAttentionMemory(keys, headDim, valueDim).floats * 4 * size_t(threads);
}

}  // namespace hence::HENCE_TARGET

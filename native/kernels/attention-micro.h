// Register tiles of attention: scores of a few query rows against blocks of keys, and sums of value rows weighted by
// the scores. Every lane is one chain of fused multiply-adds in the order of dimensions (scores) or keys (values),
// whatever the tile's size: a row's result does not depend on the rows computed beside it.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

constexpr int kMicroRows = kAccumulators < 6 ? kAccumulators : 6;
constexpr int kGroupBlocks = 4;                                // blocks whose keys (or values) are worked on together,
constexpr int kGroupKeys = kGroupBlocks * kKvBlockTokens;      // so that they stay in the first-level cache
constexpr int kChunkKeys = 512;                                // keys whose scores are kept at once
constexpr int kScoreStride = kChunkKeys + 16;                  // of a row of scores; not a power of two, against cache aliasing

// Vectors beside each other in a tile of M rows.
constexpr int tileWidth(int rows) { return kAccumulators / rows >= 4 ? 4 : kAccumulators / rows >= 2 ? 2 : 1; }

// Blocks of keys or values of one head, of type Type, and the blocks that will be read next: a block is a stretch of a
// few KiB somewhere in memory, too short for the processor to guess what follows.
template <KvType Type> struct BlockStream {
  static constexpr int64_t kElementBytes = kvElementBytes(Type);
  const uint8_t* now[kGroupBlocks];
  const uint8_t* next[kGroupBlocks];

  HENCE_INLINE static F loadAt(const uint8_t* p) {
    if constexpr (Type == KvType::F32) return load(reinterpret_cast<const float*>(p));
    else if constexpr (Type == KvType::I8) return loadI8(reinterpret_cast<const int8_t*>(p));
    else if constexpr (Type == KvType::F16) return loadF16(reinterpret_cast<const uint16_t*>(p));
    else return loadBF16(reinterpret_cast<const uint16_t*>(p));
  }
  // Sixteen elements from element i of block b on.
  HENCE_INLINE F at(int b, int64_t i) const {
    __builtin_prefetch(next[b] + i * kElementBytes);
    return loadAt(now[b] + i * kElementBytes);
  }
  // Of the sixteen tokens of block b, in an I8 pool, where `at` gives bytes.
  HENCE_INLINE F scales(int b) const {
    __builtin_prefetch(next[b] - kvScaleBytes(Type));
    return load(reinterpret_cast<const float*>(now[b] - kvScaleBytes(Type)));
  }
};

// The same widened to f32 and in the first-level cache.
struct BlockCopy {
  const float* now[kGroupBlocks];
  HENCE_INLINE F at(int b, int64_t i) const { return load(now[b] + i); }
};

// scores[m][16 n + lane] = Σ_d query[d][m] · keys[first + n][d][lane]
template <int M, int N, class Blocks> HENCE_INLINE void scoreTile(const float* query, const Blocks& keys, int first, int headDim, float* scores) {
  F sum[M][N];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) sum[m][n] = zero();
  for (int64_t d = 0; d < headDim; d++) {
    F k[N];
    for (int n = 0; n < N; n++) k[n] = keys.at(first + n, d * 16);
    for (int m = 0; m < M; m++) {
      F q = set1(query[d * M + m]);
      for (int n = 0; n < N; n++) sum[m][n] = fma(q, k[n], sum[m][n]);
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) store(scores + m * kScoreStride + n * 16, sum[m][n]);
}

// The same for blocks first .. end of a group. query: [headDim][M]; scores: of block `first`.
template <int M, class Blocks> void scoreRows(const float* query, const Blocks& keys, int first, int end, int headDim, float* scores) {
  constexpr int N = tileWidth(M);
  int n = first;
  for (; n + N <= end; n += N) scoreTile<M, N>(query, keys, n, headDim, scores + (n - first) * 16);
  if constexpr (N > 2)
    for (; n + 2 <= end; n += 2) scoreTile<M, 2>(query, keys, n, headDim, scores + (n - first) * 16);
  for (; n < end; n++) scoreTile<M, 1>(query, keys, n, headDim, scores + (n - first) * 16);
}

// sums[m][column + 16 n + lane] += Σ_t weights[m][t] · values[t / 16][t % 16][column + 16 n + lane] for t in begin .. end
template <int M, int N, class Blocks>
HENCE_INLINE void valueTile(const float* weights, const Blocks& values, int begin, int end, int stride, int column, float* sums) {
  F sum[M][N];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) sum[m][n] = load(sums + m * stride + column + n * 16);
  for (int t = begin; t < end;) {
    const int b = t / 16, stop = b * 16 + 16 < end ? b * 16 + 16 : end;
    for (int64_t i = int64_t(t % 16) * stride + column; t < stop; t++, i += stride) {
      F v[N];
      for (int n = 0; n < N; n++) v[n] = values.at(b, i + n * 16);
      for (int m = 0; m < M; m++) {
        F w = set1(weights[m * kScoreStride + t]);
        for (int n = 0; n < N; n++) sum[m][n] = fma(w, v[n], sum[m][n]);
      }
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) store(sums + m * stride + column + n * 16, sum[m][n]);
}

// The same for whole rows of `stride` = headDim rounded up to 16 numbers. t counts from the group's first block.
template <int M, class Blocks> void valueRows(const float* weights, const Blocks& values, int begin, int end, int stride, float* sums) {
  constexpr int N = tileWidth(M);
  int c = 0;
  for (; c + 16 * N <= stride; c += 16 * N) valueTile<M, N>(weights, values, begin, end, stride, c, sums);
  if constexpr (N > 2)
    for (; c + 32 <= stride; c += 32) valueTile<M, 2>(weights, values, begin, end, stride, c, sums);
  for (; c < stride; c += 16) valueTile<M, 1>(weights, values, begin, end, stride, c, sums);
}

// Calls body with the number of rows as a constant.
template <class Body> HENCE_INLINE void withRows(int rows, const Body& body) {
  switch (rows) {
    case 1: return body.template operator()<1>();
    case 2: return body.template operator()<2>();
    case 3: return body.template operator()<3>();
  }
  if constexpr (kMicroRows == 6) switch (rows) {
    case 4: return body.template operator()<4>();
    case 5: return body.template operator()<5>();
    case 6: return body.template operator()<6>();
  }
}

}  // namespace hence::HENCE_TARGET

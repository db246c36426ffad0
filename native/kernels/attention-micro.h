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

// scores[m][16 n + lane] = Σ_d query[d][m] · keys[n][d][lane]
template <int M, int N> HENCE_INLINE void scoreTile(const float* query, const float* const* keys, int headDim, float* scores) {
  F sum[M][N];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) sum[m][n] = zero();
  for (int d = 0; d < headDim; d++) {
    F k[N];
    for (int n = 0; n < N; n++) k[n] = load(keys[n] + d * 16);
    for (int m = 0; m < M; m++) {
      F q = set1(query[d * M + m]);
      for (int n = 0; n < N; n++) sum[m][n] = fma(q, k[n], sum[m][n]);
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) store(scores + m * kScoreStride + n * 16, sum[m][n]);
}

// The same for `blocks` <= kGroupBlocks blocks of keys. query: [headDim][M].
template <int M> void scoreRows(const float* query, const float* const* keys, int blocks, int headDim, float* scores) {
  constexpr int N = tileWidth(M);
  int n = 0;
  for (; n + N <= blocks; n += N) scoreTile<M, N>(query, keys + n, headDim, scores + n * 16);
  if constexpr (N > 2)
    for (; n + 2 <= blocks; n += 2) scoreTile<M, 2>(query, keys + n, headDim, scores + n * 16);
  for (; n < blocks; n++) scoreTile<M, 1>(query, keys + n, headDim, scores + n * 16);
}

// sums[m][16 n + lane] += Σ_t weights[m][t] · values[t / 16][t % 16][16 n + lane] for t in begin .. end
template <int M, int N>
HENCE_INLINE void valueTile(const float* weights, const float* const* values, int begin, int end, int stride, int column, float* sums) {
  F sum[M][N];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) sum[m][n] = load(sums + m * stride + column + n * 16);
  for (int t = begin; t < end;) {
    const int stop = (t | 15) + 1 < end ? (t | 15) + 1 : end;
    const float* value = values[t / 16] + (t % 16) * stride + column;
    for (; t < stop; t++, value += stride) {
      F v[N];
      for (int n = 0; n < N; n++) v[n] = load(value + n * 16);
      for (int m = 0; m < M; m++) {
        F w = set1(weights[m * kScoreStride + t]);
        for (int n = 0; n < N; n++) sum[m][n] = fma(w, v[n], sum[m][n]);
      }
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) store(sums + m * stride + column + n * 16, sum[m][n]);
}

// The same for whole rows of `stride` = headDim rounded up to 16 numbers.
template <int M> void valueRows(const float* weights, const float* const* values, int begin, int end, int stride, float* sums) {
  constexpr int N = tileWidth(M);
  int c = 0;
  for (; c + 16 * N <= stride; c += 16 * N) valueTile<M, N>(weights, values, begin, end, stride, c, sums);
  if constexpr (N > 2)
    for (; c + 32 <= stride; c += 32) valueTile<M, 2>(weights, values, begin, end, stride, c, sums);
  for (; c < stride; c += 16) valueTile<M, 1>(weights, values, begin, end, stride, c, sums);
}

inline void scoreRows(int m, const float* query, const float* const* keys, int blocks, int headDim, float* scores) {
  switch (m) {
    case 1: return scoreRows<1>(query, keys, blocks, headDim, scores);
    case 2: return scoreRows<2>(query, keys, blocks, headDim, scores);
    case 3: return scoreRows<3>(query, keys, blocks, headDim, scores);
  }
  if constexpr (kMicroRows == 6) switch (m) {
    case 4: return scoreRows<4>(query, keys, blocks, headDim, scores);
    case 5: return scoreRows<5>(query, keys, blocks, headDim, scores);
    case 6: return scoreRows<6>(query, keys, blocks, headDim, scores);
  }
}

inline void valueRows(int m, const float* weights, const float* const* values, int begin, int end, int stride, float* sums) {
  switch (m) {
    case 1: return valueRows<1>(weights, values, begin, end, stride, sums);
    case 2: return valueRows<2>(weights, values, begin, end, stride, sums);
    case 3: return valueRows<3>(weights, values, begin, end, stride, sums);
  }
  if constexpr (kMicroRows == 6) switch (m) {
    case 4: return valueRows<4>(weights, values, begin, end, stride, sums);
    case 5: return valueRows<5>(weights, values, begin, end, stride, sums);
    case 6: return valueRows<6>(weights, values, begin, end, stride, sums);
  }
}

}  // namespace hence::HENCE_TARGET

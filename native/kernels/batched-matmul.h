// Products of activations: y = scale · a · b + addend for every pair of matrices of a batch. The columns of b are cut
// into panels; a slice of a panel is packed to contiguous rows in the first-level cache and meets all rows of a, a
// register tile at a time. Slices follow each other along k, so a result does not depend on threads.
#pragma once
#include "../dot.h"
#include "copy.h"

namespace hence::HENCE_TARGET {

constexpr int kProductVectors = kAccumulators >= 24 ? 4 : 1;
constexpr int kProductColumns = 16 * kProductVectors;
constexpr int kProductRows = kAccumulators / kProductVectors < 6 ? kAccumulators / kProductVectors : 6;
constexpr int64_t kProductSlice = kProductVectors == 4 ? 128 : 256;

constexpr int64_t kProductBlockRows = 240;  // of a, kept in the second-level cache

inline size_t batchedMatmulWorkspace(int threads) { return size_t(threads) * kProductSlice * (kProductColumns + kProductBlockRows) * 4; }

// What happens to a finished sum.
struct ProductEnd {
  const float* addend;  // of the tile's first element, or null
  int64_t rowStride;    // 0: one row for all
  bool columns;         // false: one number for all columns
  float scale;
};

// R rows by C vectors; the last vector has `last` columns.
template <int R, int C, bool Partial>
HENCE_INLINE void productTile(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t k, bool padded, float* y, int64_t ldy, int last,
                              bool isFirst, const ProductEnd* end) {
  auto get = [&](const float* p, int c) HENCE_INLINE_LAMBDA { return Partial && c == C - 1 ? loadPartial(p, last) : load(p); };
  F sum[R][C];
  HENCE_UNROLL for (int r = 0; r < R; r++)
    HENCE_UNROLL for (int c = 0; c < C; c++) sum[r][c] = isFirst ? zero() : get(y + r * ldy + 16 * c, c);
  if (!Partial || padded) {
    for (int64_t i = 0; i < k; i++, b += ldb) {
      F v[C];
      HENCE_UNROLL for (int c = 0; c < C; c++) v[c] = load(b + 16 * c);
      HENCE_UNROLL for (int r = 0; r < R; r++) {
        const F x = set1(a[r * lda + i]);
        HENCE_UNROLL for (int c = 0; c < C; c++) sum[r][c] = fma(x, v[c], sum[r][c]);
      }
    }
  } else {
    for (int64_t i = 0; i < k; i++, b += ldb) {
      F v[C];
      HENCE_UNROLL for (int c = 0; c < C; c++) v[c] = get(b + 16 * c, c);
      HENCE_UNROLL for (int r = 0; r < R; r++) {
        const F x = set1(a[r * lda + i]);
        HENCE_UNROLL for (int c = 0; c < C; c++) sum[r][c] = fma(x, v[c], sum[r][c]);
      }
    }
  }
  HENCE_UNROLL for (int r = 0; r < R; r++)
    HENCE_UNROLL for (int c = 0; c < C; c++) {
      F v = sum[r][c];
      if (end) {
        v = v * set1(end->scale);
        if (end->addend) {
          const float* more = end->addend + r * end->rowStride;
          v = v + (end->columns ? get(more + 16 * c, c) : set1(*more));
        }
      }
      if (Partial && c == C - 1) storePartial(y + r * ldy + 16 * c, v, last);
      else store(y + r * ldy + 16 * c, v);
    }
}

template <int C, bool Partial>
__attribute__((noinline)) void productRows(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t k, bool padded, float* y, int64_t ldy,
                                           int last, int64_t rows, bool isFirst, const ProductEnd* given) {
  ProductEnd end;
  if (given) end = *given;
  auto run = [&]<int R>() HENCE_INLINE_LAMBDA {
    for (; rows >= R; rows -= R, a += R * lda, y += R * ldy) {
      productTile<R, C, Partial>(a, lda, b, ldb, k, padded, y, ldy, last, isFirst, given ? &end : nullptr);
      if (given && end.addend) end.addend += R * end.rowStride;
    }
  };
  run.template operator()<kProductRows>();
  if constexpr (kProductRows > 5) run.template operator()<5>();
  if constexpr (kProductRows > 4) run.template operator()<4>();
  if constexpr (kProductRows > 3) run.template operator()<3>();
  if constexpr (kProductRows > 2) run.template operator()<2>();
  if constexpr (kProductRows > 1) run.template operator()<1>();
}

// Rows of b (columns of a transposed b) as [k][kProductColumns], zero beyond `columns`.
inline void packPanel(const float* b, int64_t ldb, bool transposed, int64_t k, int columns, float* panel) {
  if (columns < kProductColumns) std::memset(panel, 0, size_t(k) * kProductColumns * 4);
  if (transposed) return transposeTile<uint32_t>((const uint8_t*)b, ldb, (uint8_t*)panel, kProductColumns, columns, k);
  for (int64_t i = 0; i < k; i++, b += ldb, panel += kProductColumns) {
    int c = 0;
    for (; c + 16 <= columns; c += 16) store(panel + c, load(b + c));
    if (c < columns) std::memcpy(panel + c, b + c, size_t(columns - c) * 4);
  }
}

// Panels [first, end) of columns for a range of rows. `panel` and `packed` are this thread's memory.
inline void productPanels(const BatchedMatmulArgs& p, const float* a, const float* b, float* y, const float* addend, int64_t rows, int64_t first, int64_t end, float* panel, float* packed) {
  // A few rows of b's width lie as packed already.
  const bool inPlace = !p.transposed && (rows <= kProductRows || p.n == kProductColumns);
  // Rows of a are packed where they meet several panels: far apart, they would fall into the same cache sets.
  const bool packsA = end - first > 2 && rows > 2 * kProductRows && p.k > kProductSlice;
  const int64_t addendRow = p.addendRows ? (p.addendColumns ? p.n : 1) : 0;
  for (int64_t row = 0; row < rows; row += kProductBlockRows) {
    const int64_t m = rows - row < kProductBlockRows ? rows - row : kProductBlockRows;
    for (int64_t k0 = 0; k0 < p.k || k0 == 0; k0 += kProductSlice) {
      const int64_t k = p.k - k0 < kProductSlice ? p.k - k0 : kProductSlice;
      const float* left = a + row * p.k + k0;
      if (packsA) {
        for (int64_t r = 0; r < m; r++) std::memcpy(packed + r * kProductSlice, left + r * p.k, size_t(k) * 4);
        left = packed;
      }
      for (int64_t at = first; at < end; at++) {
        const int64_t column = at * kProductColumns;
        const int columns = int(p.n - column < kProductColumns ? p.n - column : kProductColumns);
        const int vectors = (columns + 15) / 16, last = columns - 16 * (vectors - 1);
        const float* from = p.transposed ? b + column * p.k + k0 : b + k0 * p.n + column;
        const int64_t ldb = p.transposed ? p.k : p.n;
        if (!inPlace) packPanel(from, ldb, p.transposed, k, columns, panel);
        const ProductEnd finish{addend ? addend + row * addendRow + (p.addendColumns ? column : 0) : nullptr, addendRow, p.addendColumns, p.scale};
        auto run = [&]<int C>() {
          auto of = [&]<bool Partial>() {
            productRows<C, Partial>(left, packsA ? kProductSlice : p.k, inPlace ? from : panel, inPlace ? ldb : kProductColumns, k, !inPlace,
                                    y + row * p.n + column, p.n, last, m, k0 == 0, k0 + k == p.k ? &finish : nullptr);
          };
          last == 16 ? of.template operator()<false>() : of.template operator()<true>();
        };
        if constexpr (kProductVectors == 1) run.template operator()<1>();
        else switch (vectors) {
          case 1: run.template operator()<1>(); break;
          case 2: run.template operator()<2>(); break;
          case 3: run.template operator()<3>(); break;
          case 4: run.template operator()<4>(); break;
        }
      }
    }
  }
}

// A few rows of a against a wide b: rows of b are read as eight parallel streams and added to y, which stays in cache.
template <int R> void productStream(const BatchedMatmulArgs& p, const float* a, const float* b, float* y, const float* addend, int64_t columns) {
  constexpr int kStreams = 8;
  for (int r = 0; r < R; r++) std::memset(y + r * p.n, 0, size_t(columns) * 4);
  for (int64_t k0 = 0; k0 < p.k; k0 += kStreams) {
    const int count = int(p.k - k0 < kStreams ? p.k - k0 : kStreams);
    auto step = [&](int64_t c, int n) HENCE_INLINE_LAMBDA {
      F sum[R];
      HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = n == 16 ? load(y + r * p.n + c) : loadPartial(y + r * p.n + c, n);
      for (int i = 0; i < count; i++) {
        const float* from = b + (k0 + i) * p.n + c;
        const F v = n == 16 ? load(from) : loadPartial(from, n);
        HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = fma(set1(a[r * p.k + k0 + i]), v, sum[r]);
      }
      HENCE_UNROLL for (int r = 0; r < R; r++) n == 16 ? store(y + r * p.n + c, sum[r]) : storePartial(y + r * p.n + c, sum[r], n);
    };
    int64_t c = 0;
    for (; c + 16 <= columns; c += 16) step(c, 16);
    if (c < columns) step(c, int(columns - c));
  }
  for (int r = 0; r < R; r++)
    for (int64_t c = 0; c < columns; c++) {
      const float more = addend ? addend[(p.addendRows ? r * (p.addendColumns ? p.n : 1) : 0) + (p.addendColumns ? c : 0)] : 0.0f;
      y[r * p.n + c] = y[r * p.n + c] * p.scale + more;
    }
}

inline void batchedMatmul(const BatchedMatmulArgs& given, const Thread& t) {
  BatchedMatmulArgs p = given;
  int64_t batch = 1;
  for (int axis = 0; axis < p.batchAxes; axis++) batch *= p.sizes[axis];
  const uint32_t all = (1u << p.batchAxes) - 1;
  if (p.bAxes == 0 && p.aAxes == all && (!p.addend || (p.addendAxes == all && p.addendRows) || (p.addendAxes == 0 && !p.addendRows))) {
    p.m *= batch, batch = 1, p.batchAxes = 0;  // one b: more rows of one product
    p.aAxes = p.addendAxes = 0;
  }
  if (batch * p.m * p.n == 0) return;
  const int64_t panels = (p.n + kProductColumns - 1) / kProductColumns;
  int64_t blocks = 1;  // of rows, where there are too few panels for all threads
  while (t.count > 1 && batch * panels * blocks < 4 * t.count && p.m >= 2 * blocks * 16) blocks *= 2;
  const Range share = t.share(batch * blocks * panels);
  float* panel = reinterpret_cast<float*>(p.workspace + batchedMatmulWorkspace(1) * size_t(t.index));
  float* packed = panel + kProductSlice * kProductColumns;
  const int64_t addendSize = (p.addendRows ? p.m : 1) * (p.addendColumns ? p.n : 1);
  for (int64_t at = share.begin; at < share.end;) {
    const int64_t product = at / (panels * blocks), block = at / panels % blocks, first = at % panels;
    const int64_t end = panels - first < share.end - at ? panels : first + share.end - at;
    at += end - first;
    const Range rows{p.m * block / blocks, p.m * (block + 1) / blocks};
    int64_t ai = 0, bi = 0, di = 0, rest = product, aStep = 1, bStep = 1, dStep = 1;
    for (int axis = p.batchAxes - 1; axis >= 0; axis--) {
      const int64_t size = p.sizes[axis], index = rest % size;
      rest /= size;
      if (p.aAxes >> axis & 1) ai += index * aStep, aStep *= size;
      if (p.bAxes >> axis & 1) bi += index * bStep, bStep *= size;
      if (p.addendAxes >> axis & 1) di += index * dStep, dStep *= size;
    }
    const float* a = p.a + (ai * p.m + rows.begin) * p.k;
    const float* b = p.b + bi * p.k * p.n;
    float* y = p.y + (product * p.m + rows.begin) * p.n;
    const float* addend = p.addend ? p.addend + di * addendSize + (p.addendRows ? rows.begin * (p.addendColumns ? p.n : 1) : 0) : nullptr;
    if (!p.transposed && rows.size() <= 2 && p.n > 2 * kProductColumns) {
      const int64_t column = first * kProductColumns, columns = (end * kProductColumns < p.n ? end * kProductColumns : p.n) - column;
      const float* more = addend && p.addendColumns ? addend + column : addend;
      rows.size() == 1 ? productStream<1>(p, a, b + column, y + column, more, columns) : productStream<2>(p, a, b + column, y + column, more, columns);
    } else productPanels(p, a, b, y, addend, rows.size(), first, end, panel, packed);
  }
}

}  // namespace hence::HENCE_TARGET

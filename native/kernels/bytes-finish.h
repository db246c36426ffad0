// From exact sums of products to results: Σ (x - zx)(w - zw) = Σ xw - zx (Σ w - k zw) - zw Σ x, in integers, then scales.
// Sums wrap around on the way; the result fits 32 bits.
#pragma once
#include "bytes-rows.h"
#include "matmul-epilogue.h"

namespace hence::HENCE_TARGET {

struct ByteScales {
  ByteGrid rows, columns;
  int32_t xShift, wShift;   // added to zero points, as to the bytes
  int32_t k;
  const int32_t* rowSums;   // of x; null: all zero points of weights are 0

  // From `row`, `column` on.
  HENCE_INLINE ByteScales from(int64_t row, int64_t column) const {
    ByteScales s = *this;
    if (rows.manyScales) s.rows.scale += row;
    if (rows.manyZeros && rows.zero) s.rows.zero += row;
    if (columns.manyScales) s.columns.scale += column;
    if (columns.manyZeros && columns.zero) s.columns.zero += column;
    if (rowSums) s.rowSums += row;
    return s;
  }
  HENCE_INLINE int32_t rowZero(int64_t r) const { return (rows.zero ? int32_t(rows.zero[rows.manyZeros ? r : 0]) : 0) + xShift; }
  HENCE_INLINE I columnZeros(int64_t column, int count) const {
    if (!columns.zero) return iset1(wShift);
    const F zeros = !columns.manyZeros ? set1(columns.zero[0]) : count < kPanelColumns ? loadPartial(columns.zero + column, count) : load(columns.zero + column);
    return toInt(zeros) + iset1(wShift);
  }
  HENCE_INLINE F columnScales(int64_t column, int count) const {
    if (!columns.manyScales) return set1(columns.scale[0]);
    return count < kPanelColumns ? loadPartial(columns.scale + column, count) : load(columns.scale + column);
  }
};

// True when some weight's zero point is not 0, so that sums of rows matter.
HENCE_INLINE bool needsRowSums(const ByteGrid& columns, int32_t shift, int64_t n) {
  if (!columns.zero) return shift != 0;
  for (int64_t i = 0; i < (columns.manyZeros ? n : 1); i++)
    if (columns.zero[i] != float(-shift)) return true;
  return false;
}

// sums[rows][16] of rows `row` .. and sixteen columns from `column` on, the sums of whose weights are `columnSums`.
static __attribute__((noinline)) void finishBytes(const ByteScales& s, const Output& out, int64_t row, int64_t rows, int64_t column, const int32_t* columnSums, const int32_t* sums) {
  const int count = int(out.n - column < kPanelColumns ? out.n - column : kPanelColumns);
  const I zeros = s.columnZeros(column, count), factor = iload(columnSums) - iset1(s.k) * zeros;
  const F scales = s.columnScales(column, count);
  if (!s.rows.manyScales && !s.rows.manyZeros && !s.rowSums) {
    const I less = iset1(s.rowZero(0)) * factor;
    const F scale = set1(s.rows.scale[0]) * scales;
    finishEach(out, row, rows, column, [&](int64_t r) HENCE_INLINE_LAMBDA { return toFloat(iload(sums + r * kPanelColumns) - less) * scale; });
    return;
  }
  finishEach(out, row, rows, column, [&](int64_t r) HENCE_INLINE_LAMBDA {
    I sum = iload(sums + r * kPanelColumns) - iset1(s.rowZero(row + r)) * factor;
    if (s.rowSums) sum = sum - iset1(s.rowSums[row + r]) * zeros;
    return toFloat(sum) * (set1(s.rows.scale[s.rows.manyScales ? row + r : 0]) * scales);
  });
}

}  // namespace hence::HENCE_TARGET

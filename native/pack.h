// Rows of a weight matrix in the format of a model file, transcoded into the panels of layouts.h without rounding, and
// back into f32.
#pragma once
#include "layouts.h"

namespace hence {

enum class SourceType : uint32_t {
  F32, F16, BF16,
  Q4_0, Q4_1, Q5_0, Q5_1, Q8_0,
  Q2_K, Q3_K, Q4_K, Q5_K, Q6_K,
  IQ4_NL, IQ4_XS, MXFP4,
  S8,  // signed bytes without scales
  Count,
};

// k per block of the source format, and bytes of that block.
struct SourceBlock { int k, bytes; };
SourceBlock sourceBlock(SourceType type);

// The layout that holds every value of the source exactly. MXFP4 needs its `bytes` bytes of rows: scales outside the
// range of f16 need F32. Other types ignore both.
Layout layoutFor(SourceType type, const uint8_t* rows = nullptr, size_t bytes = 0);

size_t packedBytes(Layout layout, int64_t n, int64_t k);

// Packs source rows [firstRow, firstRow + rowCount) of W[n, k]; `rows` points at row firstRow. firstRow is a multiple of
// 16, rowCount too unless the range ends at n: ranges can be packed one after the other or by several threads. k is a
// multiple of the source's block. `packed` is the start of the whole matrix.
void packRows(SourceType type, Layout layout, const uint8_t* rows, int64_t firstRow, int64_t rowCount, int64_t n, int64_t k, uint8_t* packed);

// Packs panels [firstPanel, endPanel) of W[n, k], given as its transpose [k, n] of floats or signed bytes; the layout is that of the type.
void packTransposed(SourceType type, const uint8_t* matrix, int64_t firstPanel, int64_t endPanel, int64_t n, int64_t k, uint8_t* packed);

// Row `row` of W in f32, [k]: the values that the source format defines, bit for bit.
void unpackRow(const PackedMatrix& w, int64_t row, float* out);

}  // namespace hence

// Rows of bytes times panels of signed weights, on tiles or in vector registers.
#pragma once
#include "bytes-tiles.h"

namespace hence::HENCE_TARGET {

// Rows that register tiles take: whole ones, and for the rest the next power of two.
HENCE_INLINE int64_t paddedByteRows(int64_t rows, ByteForm form) {
  if (form.tiles) return (rows + 15) / 16 * 16;
  const int64_t rest = rows % kByteRows;
  int64_t power = 1;
  while (power < rest) power *= 2;
  return rows - rest + (rest ? power : 0);
}

template <int R> HENCE_INLINE void vectorProducts(const PackedMatrix& w, const ByteRows& x, int64_t row, int64_t rows, Range panels, const ByteScales& scales, const Output& out) {
  alignas(64) int32_t sums[kBytePanels * R * kPanelColumns];
  const size_t bytes = panelBytes(w.layout, w.k);
  const int64_t quads = unitCount(w.layout, w.k) * (kBlockK / 4);
  int64_t p = panels.begin;
  auto run = [&]<int P>() HENCE_INLINE_LAMBDA {
    const uint8_t* panel = panelData(w, p);
    byteDots<R, P>(x.data + row * x.pitch, x.pitch, panel + panelHeaderBytes(w.layout), bytes, quads, sums);
    for (int i = 0; i < P; i++) finishBytes(scales, out, row, rows, (p + i) * kPanelColumns, (const int32_t*)(panel + size_t(i) * bytes), sums + i * R * kPanelColumns);
    p += P;
  };
  if constexpr (R == kByteRows) while (p + kBytePanels <= panels.end) run.template operator()<kBytePanels>();
  while (p < panels.end) run.template operator()<1>();
}

// Panels times rows; x has paddedByteRows(rows).
static void byteProducts(const PackedMatrix& w, const ByteRows& x, ByteForm form, int64_t rows, Range panels, const ByteScales& scales, const Output& out) {
#if HENCE_AMX
  if (form.tiles) return (form.isSigned ? tileProducts<true> : tileProducts<false>)(w, x, rows, panels, scales, out);
#else
  (void)form;
#endif
  // A few panels stay in the first-level cache while all rows meet them.
  const int64_t step = rows > kByteRows ? kBytePanels : panels.size();
  for (int64_t first = panels.begin; first < panels.end; first += step) {
    const Range some = {first, first + step < panels.end ? first + step : panels.end};
    int64_t row = 0;
    for (; row + kByteRows <= rows; row += kByteRows) vectorProducts<kByteRows>(w, x, row, kByteRows, some, scales, out);
    auto rest = [&]<int R>() HENCE_INLINE_LAMBDA {
      if (row < rows && (rows - row > R / 2 || R == 1)) vectorProducts<R>(w, x, row, rows - row, some, scales, out), row = rows;
    };
    if constexpr (kByteRows > 4) rest.template operator()<8>();
    if constexpr (kByteRows > 2) rest.template operator()<4>();
    rest.template operator()<2>();
    rest.template operator()<1>();
  }
}

}  // namespace hence::HENCE_TARGET

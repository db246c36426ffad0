#include "pack.h"

#include <cstring>

#include "source-formats.h"

namespace hence {

SourceBlock sourceBlock(SourceType type) {
  switch (type) {
    case SourceType::F32: return {1, 4};
    case SourceType::F16: case SourceType::BF16: return {1, 2};
    case SourceType::Q4_0: return {32, 18};
    case SourceType::Q4_1: return {32, 20};
    case SourceType::Q5_0: return {32, 22};
    case SourceType::Q5_1: return {32, 24};
    case SourceType::Q8_0: return {32, 34};
    case SourceType::Q2_K: return {256, 84};
    case SourceType::Q3_K: return {256, 110};
    case SourceType::Q4_K: return {256, 144};
    case SourceType::Q5_K: return {256, 176};
    case SourceType::Q6_K: return {256, 210};
    case SourceType::IQ4_NL: return {32, 18};
    case SourceType::IQ4_XS: return {256, 136};
    case SourceType::MXFP4: return {32, 17};
    case SourceType::S8: return {1, 1};
    case SourceType::Count: break;
  }
  return {1, 0};
}

Layout layoutFor(SourceType type, const uint8_t* rows, size_t bytes) {
  switch (type) {
    case SourceType::F32: return Layout::F32;
    case SourceType::F16: return Layout::F16;
    case SourceType::BF16: return Layout::BF16;
    case SourceType::Q4_0: return Layout::I4;
    case SourceType::Q4_1: return Layout::I4Min;
    case SourceType::Q5_0: return Layout::I6;
    case SourceType::Q5_1: return Layout::I6Min;
    case SourceType::Q8_0: case SourceType::IQ4_NL: return Layout::I8;
    case SourceType::Q2_K: return Layout::I4Super16Min;
    case SourceType::Q3_K: return Layout::I4Super16;
    case SourceType::Q4_K: return Layout::I4Super32;
    case SourceType::Q5_K: return Layout::I6Super32;
    case SourceType::Q6_K: return Layout::I6Super16;
    case SourceType::IQ4_XS: return Layout::I8Super16;
    case SourceType::MXFP4:
      for (size_t at = 0; at + 17 <= bytes; at += 17)
        if (!mxfp4FitsHalf(rows + at)) return Layout::F32;
      return Layout::I8;
    case SourceType::S8: return Layout::S8;
    case SourceType::Count: break;
  }
  return Layout::F32;
}

size_t packedBytes(Layout layout, int64_t n, int64_t k) { return size_t(panelCount(n)) * panelBytes(layout, k); }

namespace {

uint32_t word(const uint8_t* p) {
  uint32_t w;
  std::memcpy(&w, p, 4);
  return w;
}

// One column's quants of 64 k into its lane of a payload block.
void placeQuants(int bits, const uint8_t* quants, int column, uint8_t* payload) {
  auto put = [&](int vector, uint32_t value) { std::memcpy(payload + vector * 64 + column * 4, &value, 4); };
  if (bits == 8) {
    for (int j = 0; j < 16; j++) put(j, word(quants + 4 * j));
    return;
  }
  for (int g = 0; g < 2; g++) {
    const uint8_t* group = quants + 32 * g;
    for (int i = 0; i < 4; i++)
      put(4 * g + i, (word(group + 4 * i) & 0x0f0f0f0f) | (word(group + 16 + 4 * i) & 0x0f0f0f0f) << 4);
    if (bits == 4) continue;
    for (int h = 0; h < 2; h++) {
      uint32_t high = 0;
      for (int s = 0; s < 4; s++) high |= (word(group + 16 * h + 4 * s) >> 4 & 0x03030303) << 2 * s;
      put(8 + 2 * g + h, high);
    }
  }
}

void placeColumn(Layout layout, const UnitColumn& from, int column, uint8_t* unit) {
  const LayoutTraits t = traitsOf(layout);
  const int groups = groupsPerUnit(layout);
  if (t.isSuper) {
    std::memcpy(unit + 2 * column, from.scales, 2);
    std::memcpy(unit + 32 + 2 * column, from.mins, 2);
    for (int g = 0; g < groups; g++) unit[scaleOffset(layout, g) + column] = from.scales8[g];
    for (int g = 0; t.hasMin && g < groups; g++) unit[minOffset(layout, g) + column] = from.mins8[g];
  } else {
    for (int g = 0; g < groups; g++) std::memcpy(unit + scaleOffset(layout, g) + 2 * column, from.scales + g, 2);
    for (int g = 0; t.hasMin && g < groups; g++) std::memcpy(unit + minOffset(layout, g) + 2 * column, from.mins + g, 2);
  }
  for (int block = 0; block < unitK(layout) / kBlockK; block++)
    placeQuants(t.bits, from.quants + block * kBlockK, column, unit + payloadOffset(layout, block));
}

// Sixteen rows (fewer in the last panel) of quantised blocks.
void packPanel(SourceType type, Layout layout, const uint8_t* rows, int columns, int64_t k, uint8_t* panel) {
  const SourceBlock block = sourceBlock(type);
  const DecodeUnit decode = decoderOf(type);
  const int64_t blocksPerRow = k / block.k, blocksPerUnit = unitK(layout) / block.k;
  UnitColumn column;
  for (int64_t u = 0; u < unitCount(layout, k); u++, panel += unitBytes(layout)) {
    const int64_t first = u * blocksPerUnit, left = blocksPerRow - first;
    const int blocks = int(left < blocksPerUnit ? left : blocksPerUnit);
    if (columns < kPanelColumns) std::memset(panel, 0, size_t(unitBytes(layout)));
    for (int c = 0; c < columns; c++) {
      if (blocks < blocksPerUnit) std::memset(&column, 0, sizeof column);
      else std::memset(column.scales, 0, sizeof column - sizeof column.quants);
      decode(rows + size_t(c * blocksPerRow + first) * size_t(block.bytes), blocks, column);
      placeColumn(layout, column, c, panel);
    }
  }
}

template <class Element> void packFloatPanel(const Element* rows, int columns, int64_t k, Element* panel) {
  const int64_t padded = unitCount(Layout::F32, k) * unitK(Layout::F32);
  if (columns < kPanelColumns) std::memset(panel, 0, size_t(padded) * kPanelColumns * sizeof(Element));
  for (int64_t i = 0; i < k; i++)
    for (int c = 0; c < columns; c++) std::memcpy(panel + i * kPanelColumns + c, rows + c * k + i, sizeof(Element));
  std::memset(panel + k * kPanelColumns, 0, size_t(padded - k) * kPanelColumns * sizeof(Element));
}

void packSignedColumns(const uint8_t* matrix, int64_t firstPanel, int64_t endPanel, int64_t n, int64_t k, uint8_t* packed) {
  for (int64_t p = firstPanel; p < endPanel; p++) {
    uint8_t* panel = packed + size_t(p) * panelBytes(Layout::S8, k);
    uint8_t* units = panel + panelHeaderBytes(Layout::S8);
    const int columns = int(n - p * kPanelColumns < kPanelColumns ? n - p * kPanelColumns : kPanelColumns);
    int32_t sums[kPanelColumns] = {};
    std::memset(panel, 0, panelBytes(Layout::S8, k));
    for (int64_t i = 0; i < k; i++) {
      const uint8_t* row = matrix + i * n + p * kPanelColumns;
      for (int c = 0; c < columns; c++) {
        units[i / 4 * 64 + c * 4 + i % 4] = row[c];
        sums[c] += int8_t(row[c]);
      }
    }
    std::memcpy(panel, sums, sizeof sums);
  }
}

// The rows of the transpose hold sixteen columns of a panel side by side. Several panels at a time: their pieces of a row share pages.
template <class Element> void packFloatColumns(const Element* matrix, int64_t firstPanel, int64_t endPanel, int64_t n, int64_t k, Element* packed) {
  constexpr int64_t kPanelsAtOnce = 16;
  const int64_t padded = unitCount(Layout::F32, k) * unitK(Layout::F32), panelSize = padded * kPanelColumns;
  for (int64_t first = firstPanel; first < endPanel; first += kPanelsAtOnce) {
    const int64_t end = first + kPanelsAtOnce < endPanel ? first + kPanelsAtOnce : endPanel, last = end * kPanelColumns < n ? end : end - 1;
    for (int64_t i = 0; i < k; i++) {
      const Element* row = matrix + i * n;
      for (int64_t panel = first; panel < last; panel++)
        std::memcpy(packed + panel * panelSize + i * kPanelColumns, row + panel * kPanelColumns, kPanelColumns * sizeof(Element));
      if (last == end) continue;
      Element* partial = packed + last * panelSize + i * kPanelColumns;
      std::memset(partial, 0, kPanelColumns * sizeof(Element));
      std::memcpy(partial, row + last * kPanelColumns, size_t(n - last * kPanelColumns) * sizeof(Element));
    }
    for (int64_t panel = first; panel < end; panel++)
      std::memset(packed + panel * panelSize + k * kPanelColumns, 0, size_t(padded - k) * kPanelColumns * sizeof(Element));
  }
}

void packMxfp4AsFloat(const uint8_t* rows, int columns, int64_t k, float* panel) {
  float values[32];
  std::memset(panel, 0, panelBytes(Layout::F32, k));
  for (int c = 0; c < columns; c++)
    for (int64_t b = 0; b < k / 32; b++) {
      decodeMxfp4(rows + size_t(c * (k / 32) + b) * 17, 1, values);
      for (int i = 0; i < 32; i++) panel[(b * 32 + i) * kPanelColumns + c] = values[i];
    }
}

void packSignedPanel(const uint8_t* rows, int columns, int64_t k, uint8_t* panel) {
  std::memset(panel, 0, panelBytes(Layout::S8, k));
  int32_t sums[kPanelColumns] = {};
  uint8_t* units = panel + panelHeaderBytes(Layout::S8);
  for (int c = 0; c < columns; c++)
    for (int64_t i = 0; i < k; i++) {
      const uint8_t value = rows[c * k + i];
      units[i / 4 * 64 + c * 4 + i % 4] = value;
      sums[c] += int8_t(value);
    }
  std::memcpy(panel, sums, sizeof sums);
}

float halfToFloat(uint16_t h) {
  const uint32_t exponent = h >> 10 & 31, mantissa = h & 0x3ff;
  float magnitude;
  if (exponent == 0) {
    magnitude = float(mantissa) * 0x1p-24f;
  } else {
    const uint32_t bits = (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | mantissa << 13;
    std::memcpy(&magnitude, &bits, 4);
  }
  return h & 0x8000 ? -magnitude : magnitude;
}

float halfAt(const uint8_t* p) {
  uint16_t h;
  std::memcpy(&h, p, 2);
  return halfToFloat(h);
}

int quantAt(int bits, const uint8_t* payload, int column, int i) {  // i < 64: k within the block
  const int g = i / 32, quad = i % 32 / 4, lane = column * 4 + i % 4;
  if (bits == 8) return payload[i / 4 * 64 + lane];
  const int low = payload[(4 * g + quad % 4) * 64 + lane] >> quad / 4 * 4 & 15;
  if (bits == 4) return low;
  return low | (payload[512 + (2 * g + quad / 4) * 64 + lane] >> quad % 4 * 2 & 3) << 4;
}

void unpackFloats(const PackedMatrix& w, const uint8_t* panel, int column, float* out) {
  for (int64_t i = 0; i < w.k; i++) {
    const int64_t at = i * kPanelColumns + column;
    if (w.layout == Layout::F32) std::memcpy(out + i, panel + at * 4, 4);
    else if (w.layout == Layout::F16) out[i] = halfAt(panel + at * 2);
    else {
      uint16_t top;
      std::memcpy(&top, panel + at * 2, 2);
      const uint32_t bits = uint32_t(top) << 16;
      std::memcpy(out + i, &bits, 4);
    }
  }
}

}  // namespace

void packRows(SourceType type, Layout layout, const uint8_t* rows, int64_t firstRow, int64_t rowCount, int64_t n, int64_t k, uint8_t* packed) {
  const SourceBlock block = sourceBlock(type);
  const size_t rowBytes = size_t(k / block.k) * size_t(block.bytes);
  const int64_t end = firstRow + rowCount < n ? firstRow + rowCount : n;
  for (int64_t row = firstRow; row < end; row += kPanelColumns, rows += rowBytes * kPanelColumns) {
    uint8_t* panel = packed + size_t(row / kPanelColumns) * panelBytes(layout, k);
    const int columns = int(end - row < kPanelColumns ? end - row : kPanelColumns);
    if (layout == Layout::S8) packSignedPanel(rows, columns, k, panel);
    else if (!isFloat(layout)) packPanel(type, layout, rows, columns, k, panel);
    else if (type == SourceType::MXFP4) packMxfp4AsFloat(rows, columns, k, reinterpret_cast<float*>(panel));
    else if (layout == Layout::F32) packFloatPanel(reinterpret_cast<const uint32_t*>(rows), columns, k, reinterpret_cast<uint32_t*>(panel));
    else packFloatPanel(reinterpret_cast<const uint16_t*>(rows), columns, k, reinterpret_cast<uint16_t*>(panel));
  }
}

void packTransposed(SourceType type, const uint8_t* matrix, int64_t firstPanel, int64_t endPanel, int64_t n, int64_t k, uint8_t* packed) {
  if (type == SourceType::S8) packSignedColumns(matrix, firstPanel, endPanel, n, k, packed);
  else if (type == SourceType::F32) packFloatColumns(reinterpret_cast<const uint32_t*>(matrix), firstPanel, endPanel, n, k, reinterpret_cast<uint32_t*>(packed));
  else packFloatColumns(reinterpret_cast<const uint16_t*>(matrix), firstPanel, endPanel, n, k, reinterpret_cast<uint16_t*>(packed));
}

void unpackRow(const PackedMatrix& w, int64_t row, float* out) {
  const uint8_t* unit = panelData(w, row / kPanelColumns);
  const int column = int(row % kPanelColumns);
  if (isFloat(w.layout)) return unpackFloats(w, unit, column, out);
  if (w.layout == Layout::S8) {
    for (int64_t i = 0; i < w.k; i++) out[i] = int8_t(unit[panelHeaderBytes(w.layout) + i / 4 * 64 + column * 4 + i % 4]);
    return;
  }
  const LayoutTraits t = traitsOf(w.layout);
  const int zero = zeroPoint(w.layout), groups = groupsPerUnit(w.layout);
  int64_t k = 0;
  for (; k < w.k; unit += unitBytes(w.layout))
    for (int g = 0; g < groups && k < w.k; g++) {
      const uint8_t *scaleAt = unit + scaleOffset(w.layout, g), *minAt = unit + minOffset(w.layout, g);
      float scale, min = 0;
      if (t.isSuper) {
        const int scale8 = t.hasMin ? scaleAt[column] : int8_t(scaleAt[column]);
        scale = halfAt(unit + 2 * column) * float(scale8);
        if (t.hasMin) min = -(halfAt(unit + 32 + 2 * column) * float(minAt[column]));
      } else {
        scale = halfAt(scaleAt + 2 * column);
        if (t.hasMin) min = halfAt(minAt + 2 * column);
      }
      for (int i = 0; i < t.groupK && k < w.k; i++, k++) {
        const int at = g * t.groupK + i;
        const float value = scale * float(quantAt(t.bits, unit + payloadOffset(w.layout, at / kBlockK), column, at % kBlockK) - zero);
        out[k] = t.hasMin ? value + min : value;
      }
    }
}

}  // namespace hence

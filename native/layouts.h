// How packed matrices lie in memory.
//
// A matrix W[n, k] is cut into panels of 16 output columns. Along k a panel is cut into units, and the units of a panel,
// then the panels, follow each other: a thread that owns a range of panels reads one forward stream. Missing columns of
// the last panel and missing k of the last unit are packed as zeros.
//
//   family   unit of k   contents
//   float    32          [32][16] elements
//   plain    64          f16 scale [2][16], (f16 minimum [2][16]), one payload block
//   super    256         f16 scale [16], f16 minimum [16] (unused without minimum),
//                        8-bit scale [groups][16], (u8 minimum [groups][16]), four payload blocks
//   whole    64          one payload block of signed bytes; the sums of the panel's columns, i32 [16], lie before its units
//
// A payload block is 64 k of 16 columns. A quad is four consecutive k; vector j of a block holds quad j, and its 32-bit
// lane c holds k = 4j..4j+3 of column c: at once the operand of a byte dot product and an AMX int8 B tile.
//   8 bits   16 vectors, vector j = quad j
//   4 bits   per 32 k four vectors: low nibbles are quads 0..3, high nibbles quads 4..7
//   6 bits   the low four bits as above (512 bytes), then per 32 k two vectors: bits 2s, 2s+1 of vector h belong to
//            quad 4h + s
// Every piece is a multiple of 64 bytes long.
//
// Quants are unsigned: w = scale * (q - zero), or w = scale * q + minimum with zero = 0. In a super unit scale and
// minimum of a group are products: scale[c] * scale8[g][c] and -(minimum[c] * minimum8[g][c]); the 8-bit scales are
// signed where there is no minimum.
#pragma once
#include "kernels.h"

// These functions are shared by code of different instruction sets: a copy outside its caller must never exist.
#define HENCE_CONSTEXPR constexpr __attribute__((always_inline)) inline

namespace hence {

constexpr int kPanelColumns = 16;
constexpr int kBlockK = 64;

struct LayoutTraits {
  int bits;       // per quant; 32 or 16 for float layouts
  int groupK;     // consecutive k that share a scale; 0 for float layouts
  bool hasMin;
  bool isSuper;
};

HENCE_CONSTEXPR LayoutTraits traitsOf(Layout layout) {
  switch (layout) {
    case Layout::F32: return {32, 0, false, false};
    case Layout::F16: case Layout::BF16: return {16, 0, false, false};
    case Layout::I8: return {8, 32, false, false};
    case Layout::I8Min: return {8, 32, true, false};
    case Layout::I4: return {4, 32, false, false};
    case Layout::I4Min: return {4, 32, true, false};
    case Layout::I6: return {6, 32, false, false};
    case Layout::I6Min: return {6, 32, true, false};
    case Layout::I4Super32: return {4, 32, true, true};
    case Layout::I6Super32: return {6, 32, true, true};
    case Layout::I4Super16Min: return {4, 16, true, true};
    case Layout::I4Super16: return {4, 16, false, true};
    case Layout::I6Super16: return {6, 16, false, true};
    case Layout::I8Super16: return {8, 16, false, true};
    case Layout::S8: return {8, 64, false, false};
    case Layout::Count: break;
  }
  return {0, 0, false, false};
}

HENCE_CONSTEXPR bool isFloat(Layout layout) { return traitsOf(layout).groupK == 0; }

HENCE_CONSTEXPR int zeroPoint(Layout layout) {
  const LayoutTraits t = traitsOf(layout);
  return t.groupK == 0 || t.hasMin || layout == Layout::S8 ? 0 : 1 << (t.bits - 1);
}

HENCE_CONSTEXPR int unitK(Layout layout) { return isFloat(layout) ? 32 : traitsOf(layout).isSuper ? 256 : kBlockK; }

HENCE_CONSTEXPR int payloadBytes(Layout layout) { return traitsOf(layout).bits * kBlockK * kPanelColumns / 8; }

HENCE_CONSTEXPR int groupsPerUnit(Layout layout) { return isFloat(layout) ? 0 : unitK(layout) / traitsOf(layout).groupK; }

// Bytes of scales and minimums before the payload of a unit.
HENCE_CONSTEXPR int headerBytes(Layout layout) {
  if (isFloat(layout) || layout == Layout::S8) return 0;
  const LayoutTraits t = traitsOf(layout);
  const int perGroup = t.isSuper ? kPanelColumns : 2 * kPanelColumns;
  return (t.isSuper ? 64 : 0) + groupsPerUnit(layout) * perGroup * (t.hasMin ? 2 : 1);
}

HENCE_CONSTEXPR int unitBytes(Layout layout) {
  if (isFloat(layout)) return unitK(layout) * kPanelColumns * traitsOf(layout).bits / 8;
  return headerBytes(layout) + unitK(layout) / kBlockK * payloadBytes(layout);
}

HENCE_CONSTEXPR int64_t unitCount(Layout layout, int64_t k) { return (k + unitK(layout) - 1) / unitK(layout); }
HENCE_CONSTEXPR int64_t panelCount(int64_t n) { return (n + kPanelColumns - 1) / kPanelColumns; }
// Bytes of a panel before its units.
HENCE_CONSTEXPR int panelHeaderBytes(Layout layout) { return layout == Layout::S8 ? 4 * kPanelColumns : 0; }
HENCE_CONSTEXPR size_t panelBytes(Layout layout, int64_t k) {
  return size_t(panelHeaderBytes(layout)) + size_t(unitCount(layout, k)) * size_t(unitBytes(layout));
}

HENCE_CONSTEXPR const uint8_t* panelData(const PackedMatrix& w, int64_t panel) {
  return w.data + size_t(panel) * panelBytes(w.layout, w.k);
}

// Offset of the group's scale for column 0 in the unit; columns follow each other. Minimums lie groupsPerUnit further.
HENCE_CONSTEXPR int scaleOffset(Layout layout, int group) {
  return traitsOf(layout).isSuper ? 64 + group * kPanelColumns : group * kPanelColumns * 2;
}
HENCE_CONSTEXPR int minOffset(Layout layout, int group) { return scaleOffset(layout, group + groupsPerUnit(layout)); }
HENCE_CONSTEXPR int payloadOffset(Layout layout, int block) { return headerBytes(layout) + block * payloadBytes(layout); }

static_assert(unitBytes(Layout::I8) == 1088 && unitBytes(Layout::I4) == 576 && unitBytes(Layout::I4Min) == 640);
static_assert(unitBytes(Layout::I4Super32) == 148 * 16 && payloadBytes(Layout::I6) == 768);

}  // namespace hence

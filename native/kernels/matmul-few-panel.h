// Few rows against quantised weights: the memory-bound case. Every weight register is loaded and unpacked once and meets
// all rows of a chunk; sums stay in registers for a whole panel.
#pragma once
#include "../dot.h"
#include "quantise-rows.h"

namespace hence::HENCE_TARGET {

// One 32-group of R rows: sum += scale * activation scale * integer products + minimum * activation sum.
template <Layout L, int g, int R>
HENCE_INLINE void addGroup(VF (&sum)[R], const UnitScales<L>& scales, int firstGroup, const uint8_t* payload, const uint8_t* activations) {
  constexpr LayoutTraits t = traitsOf(L);
  constexpr int pieces = 32 / t.groupK, quads = 8 / pieces;
  constexpr int zero = zeroPoint(L) - Dots<t.bits, R>::kOffset;  // still to subtract: 0, 2^(bits - 1) or -2^(bits - 1)
  const float* xScale = (const float*)(activations + R * 32);
  unrolled<0, pieces>([&](auto pieceIndex) HENCE_INLINE_LAMBDA {
    constexpr int piece = pieceIndex.value;
    const int32_t* minusSum = (const int32_t*)xScale + (pieces == 1 ? 1 : 3 + piece) * R;
    const float* scaledSum = xScale + (pieces == 1 ? 2 : 5 + piece) * R;
    Dots<t.bits, R> dots;
    HENCE_UNROLL for (int r = 0; r < R; r++) {
      if constexpr (zero == 0) dots.start(r, setAll32(0));
      else dots.start(r, left<t.bits - 1>(setAll32(zero > 0 ? minusSum[r] : -minusSum[r])));
    }
    unrolled<0, quads>([&](auto index) HENCE_INLINE_LAMBDA {
      constexpr int j = piece * quads + index.value;
      dots.template add<index.value>(loadQuad<t.bits, g * 8 + j>(payload, scales.part), (const int8_t*)activations + j * 4, 32);
    });
    const int group = firstGroup + piece;
    const VF scale = scales.groupScale(group);
    HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = mulAdd(mul(toFloat(dots.total(r)), scale), setAll(xScale[r]), sum[r]);
    if constexpr (t.hasMin) {
      const VF min = scales.groupMin(group);
      HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = mulAdd(min, setAll(scaledSum[r]), sum[r]);
    }
  });
}

// sums[R][16] of one panel; `ahead` is the panel this thread reads next, or null.
template <Layout L, int R>
__attribute__((noinline)) void fewRowsPanel(const uint8_t* panel, const uint8_t* ahead, int64_t units, const uint8_t* activations, int rowBytes, float* sums) {
  constexpr int blocks = unitK(L) / kBlockK, groupsPerBlock = groupsPerUnit(L) / blocks, linesPerBlock = (unitBytes(L) / blocks + 63) / 64;
  const int groupBytes = R * rowBytes;
  const PrefetchStream stream(panel, size_t(units) * unitBytes(L), ahead);
  for (int part = 0; part < kParts; part++) {
    VF sum[R];
    HENCE_UNROLL for (int r = 0; r < R; r++) sum[r] = setAll(0);
    const uint8_t *unit = panel, *x = activations;
    for (int64_t u = 0; u < units; u++, unit += unitBytes(L)) {
      const UnitScales<L> scales(unit, part);
      for (int b = 0; b < blocks; b++, x += 2 * groupBytes) {
        if (part == 0) stream.prefetch(unit + b * linesPerBlock * 64, linesPerBlock * 64);
        const uint8_t* payload = unit + payloadOffset(L, b);
        addGroup<L, 0, R>(sum, scales, b * groupsPerBlock, payload, x);
        addGroup<L, 1, R>(sum, scales, b * groupsPerBlock + groupsPerBlock / 2, payload, x + groupBytes);
      }
    }
    for (int r = 0; r < R; r++) storeFloats(sums + r * kPanelColumns + part * kColumns, sum[r]);
  }
}

using FewRowsPanel = void (*)(const uint8_t* panel, const uint8_t* ahead, int64_t units, const uint8_t* activations, int rowBytes, float* sums);

}  // namespace hence::HENCE_TARGET

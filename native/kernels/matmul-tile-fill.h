// Weights as bf16 B tiles: 32 k of 16 columns, row i = k (2i, 2i + 1) of every column.
#pragma once
#include "matmul-split.h"
#include "matmul-tiles.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

// Tile of k = 32 * step .. of a panel.
using FillTile = void (*)(const uint8_t* panel, int64_t step, uint8_t* tile);

// Expanding bytes with one permutation into the order that the conversion packs saves a shuffle per row: lane i of the
// first half of a row is column i / 2, k = i % 2.
template <Layout L, int g> HENCE_INLINE void fillFromBlock(const UnitScales<L>& scales, int block, uint8_t* tile) {
  constexpr LayoutTraits t = traitsOf(L);
  constexpr int pieces = 32 / t.groupK, quads = 8 / pieces, groups = kBlockK / t.groupK;
  constexpr __mmask64 lowByte = 0x1111111111111111;
  const __m512i firstColumns = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512i lastColumns = _mm512_add_epi32(firstColumns, _mm512_set1_epi32(8));
  const __m512i order = _mm512_add_epi32(_mm512_slli_epi32(firstColumns, 2), _mm512_set1_epi64(1ll << 32));
  const uint8_t* payload = scales.unit + payloadOffset(L, block);
  unrolled<0, pieces>([&](auto pieceIndex) HENCE_INLINE_LAMBDA {
    constexpr int piece = pieceIndex.value;
    const VF scale = scales.groupScale(block * groups + g * pieces + piece);
    const VF offset = scales.groupOffset(block * groups + g * pieces + piece, scale);
    const VF scale0 = _mm512_permutexvar_ps(firstColumns, scale), scale1 = _mm512_permutexvar_ps(lastColumns, scale);
    const VF offset0 = _mm512_permutexvar_ps(firstColumns, offset), offset1 = _mm512_permutexvar_ps(lastColumns, offset);
    unrolled<0, quads>([&](auto index) HENCE_INLINE_LAMBDA {
      constexpr int j = piece * quads + index.value;
      const VI quad = loadQuad<t.bits, g * 8 + j>(payload, 0);
      unrolled<0, 2>([&](auto row) HENCE_INLINE_LAMBDA {
        const VI order0 = _mm512_add_epi32(order, _mm512_set1_epi32(2 * row.value));
        const VI order1 = _mm512_add_epi32(order, _mm512_set1_epi32(2 * row.value + 32));
        const VF a = mulAdd(toFloat(_mm512_maskz_permutexvar_epi8(lowByte, order0, quad)), scale0, offset0);
        const VF b = mulAdd(toFloat(_mm512_maskz_permutexvar_epi8(lowByte, order1, quad)), scale1, offset1);
        _mm512_store_si512(tile + (2 * j + row.value) * 64, (__m512i)_mm512_cvtne2ps_pbh(b, a));
      });
    });
  });
}

template <Layout L> __attribute__((noinline)) void fillTile(const uint8_t* panel, int64_t step, uint8_t* tile) {
  constexpr int stepsPerUnit = unitK(L) / 32;
  const uint8_t* unit = panel + size_t(step / stepsPerUnit) * unitBytes(L);
  if constexpr (!isFloat(L)) {
    const UnitScales<L> scales(unit, 0);
    const int inUnit = int(step % stepsPerUnit);
    if (inUnit & 1) fillFromBlock<L, 1>(scales, inUnit / 2, tile);
    else fillFromBlock<L, 0>(scales, inUnit / 2, tile);
  } else {
    alignas(64) static const uint16_t interleaved[32] = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
                                                         8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i order = _mm512_load_si512(interleaved);
    for (int i = 0; i < 16; i++) {
      const uint8_t* rows = unit + i * 2 * kPanelColumns * traitsOf(L).bits / 8;
      __m512i both;
      if constexpr (L == Layout::BF16) both = _mm512_loadu_si512(rows);
      else if constexpr (L == Layout::F16) both = (__m512i)_mm512_cvtne2ps_pbh(loadHalves(rows + 32), loadHalves(rows));
      else both = (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(rows + 64), _mm512_loadu_ps(rows));
      _mm512_store_si512(tile + i * 64, _mm512_permutexvar_epi16(order, both));
    }
  }
}

}  // namespace hence::HENCE_TARGET

#endif

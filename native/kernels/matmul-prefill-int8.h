// The prefill of matmul-prefill.h with int8 tiles: twice the arithmetic rate, four times the error. Weights and
// activations get one scale per column or row and 512 k; integer products are scaled into f32 partial sums after each.
//
// A scale of 512 numbers serves them well only when none of them is far larger than the rest. So the packing of rows also
// finds the largest crest factor, largest / root mean square, and above kLargestCrest the product falls back to bf16.
#pragma once
#include "matmul-epilogue.h"
#include "matmul-prefill-order.h"
#include "matmul-prefill.h"

#if HENCE_AMX

namespace hence::HENCE_TARGET {

constexpr int kInt8PassK = 512;
// One number 14 times as large as 511 others: rounding then still costs them less than 4 % each. Normal numbers have 3.5.
constexpr float kLargestCrest = 12;

// Layouts whose quants use the whole range their scales allow and whose scales differ little: others lose bits when 512 k
// get one scale (five bits in a layout of six, two or three bits in one of four).
HENCE_INLINE constexpr bool suitsInt8(Layout layout) {
  return layout == Layout::I8 || layout == Layout::I4 || layout == Layout::I4Min || layout == Layout::I4Super32 || layout == Layout::I6Super16;
}

HENCE_INLINE int64_t int8PassCount(int64_t k) { return (k + kInt8PassK - 1) / kInt8PassK; }
HENCE_INLINE size_t int8TilesBytes(int64_t rows, int64_t k) { return size_t(int8PassCount(k) * rowPairCount(rows)) * kPanelTileBytes; }
HENCE_INLINE size_t int8RowsBytes(int64_t rows, int64_t k) { return int8TilesBytes(rows, k) + size_t(int8PassCount(k) * rowPairCount(rows)) * 32 * 4; }

// Activations as A tiles of 16 rows x 64 k, in the order of packRowTile, and their scales [pass][row]. Gives the largest crest factor met; that of a row with infinity or NaN is infinite.
static __attribute__((noinline)) float packRowTileInt8(const float* x, int64_t rows, int64_t k, int64_t rowTile, uint8_t* tiles) {
  const int64_t rowPairs = rowPairCount(rows);
  float* scales = (float*)(tiles + int8TilesBytes(rows, k));
  float crest = 0;
  for (int r = 0; r < 16; r++) {
    const int64_t row = rowTile * 16 + r;
    for (int64_t pass = 0; pass < int8PassCount(k); pass++) {
      uint8_t* out = tiles + size_t((pass * rowPairs + rowTile / 2) * 2 + rowTile % 2) * kPassSteps * kTileBytes + r * 64;
      const float* in = x + row * k + pass * kInt8PassK;
      const int64_t count = row < rows ? k - pass * kInt8PassK : 0;
      auto sixteen = [&](int i) {
        const int64_t left = count - i;
        return _mm512_maskz_loadu_ps(left >= 16 ? 0xffff : left <= 0 ? 0 : __mmask16((1u << left) - 1), in + i);
      };
      __m512 largest = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
      for (int i = 0; i < kInt8PassK; i += 16) {
        const __m512 v = sixteen(i);
        largest = _mm512_max_ps(largest, _mm512_abs_ps(v));
        squares = _mm512_fmadd_ps(v, v, squares);
      }
      const float top = _mm512_reduce_max_ps(largest), sum = _mm512_reduce_add_ps(squares);
      const float mean = sum / float(count < kInt8PassK ? (count < 1 ? 1 : count) : kInt8PassK);
      if (!(sum < __builtin_inff())) crest = __builtin_inff();
      else if (top * top > crest * crest * mean) crest = top / __builtin_sqrtf(mean);
      const __m512 inverse = _mm512_set1_ps(top > 0x1p-120f ? 127 / top : 0);
      scales[pass * rowPairs * 32 + row] = top / 127;
      for (int i = 0; i < kInt8PassK; i += 16)
        _mm_store_si128((__m128i*)(out + i / 64 * kTileBytes + i % 64), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(sixteen(i), inverse))));
    }
  }
  return crest;
}

// The largest weight that the groups' scales allow in k .. k + 512, over 127.
template <Layout L> __attribute__((noinline)) void columnScales(const uint8_t* panel, int64_t pass, int64_t k, float* scales) {
  const uint8_t* unit = panel + size_t(pass * kInt8PassK / unitK(L)) * unitBytes(L);
  const int64_t left = k - pass * kInt8PassK;
  VF largest = setAll(1e-30f);
  for (int64_t i = 0; i < (left < kInt8PassK ? left : kInt8PassK); i += unitK(L), unit += unitBytes(L)) {
    const UnitScales<L> unitScales(unit, 0);
    for (int g = 0; g < groupsPerUnit(L); g++) {
      const VF scale = unitScales.groupScale(g), low = unitScales.groupOffset(g, scale);
      const VF high = mulAdd(scale, setAll(float((1 << traitsOf(L).bits) - 1)), low);
      largest = _mm512_max_ps(largest, _mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    }
  }
  storeFloats(scales, mul(largest, setAll(1.0f / 127)));
}

// The value in both 16-bit halves of each lane.
HENCE_INLINE VI fixedPoint(VF v, float unit) {
  const VI i = _mm512_cvtps_epi32(mul(v, setAll(unit)));
  return select(setAll32(0xffff), i, left<16>(i));
}

// One block of 64 k as an int8 B tile: (q * scale + offset) / columnScale in 16 bits with six bits of fraction.
template <Layout L> __attribute__((noinline)) void fillTileInt8(const uint8_t* panel, int64_t step, const float* columns, uint8_t* tile) {
  constexpr LayoutTraits t = traitsOf(L);
  constexpr int blocks = unitK(L) / kBlockK, groups = kBlockK / t.groupK, quads = t.groupK / 4, fraction = 6;
  constexpr float factorUnit = 1 << (t.bits + fraction), addUnit = 1 << fraction;
  const UnitScales<L> scales(panel + size_t(step / blocks) * unitBytes(L), 0);
  const int block = int(step % blocks);
  const uint8_t* payload = scales.unit + payloadOffset(L, block);
  const VF inverse = _mm512_div_ps(setAll(1), _mm512_load_ps(columns));
  unrolled<0, groups>([&](auto groupIndex) HENCE_INLINE_LAMBDA {
    const VF scale = scales.groupScale(block * groups + groupIndex.value);
    const VF offset = scales.groupOffset(block * groups + groupIndex.value, scale);
    // A quant is shifted to the top of 15 bits, so that the high half of its product is the scaled value.
    const VI factor = fixedPoint(mul(scale, inverse), factorUnit);
    const VI add = fixedPoint(mulAdd(offset, inverse, setAll(0.5f)), addUnit);
    unrolled<0, quads>([&](auto index) HENCE_INLINE_LAMBDA {
      constexpr int j = groupIndex.value * quads + index.value;
      const VI quad = loadQuad<t.bits, j>(payload, 0), odd = _mm512_andnot_si512(_mm512_set1_epi16(255), quad);
      VI a, b;
      if constexpr (t.bits == 8) a = _mm512_srli_epi16(_mm512_slli_epi16(quad, 8), 1), b = _mm512_srli_epi16(odd, 1);
      else a = _mm512_slli_epi16(quad, 15 - t.bits), b = _mm512_slli_epi16(odd, 7 - t.bits);
      a = _mm512_srai_epi16(_mm512_add_epi16(_mm512_mulhrs_epi16(a, factor), add), fraction);
      b = _mm512_slli_epi16(_mm512_add_epi16(_mm512_mulhrs_epi16(b, factor), add), 8 - fraction);
      _mm512_store_si512(tile + j * 64, select(setAll32(0x00ff00ff), a, b));
    });
  });
}

using FillTileInt8 = void (*)(const uint8_t* panel, int64_t step, const float* columns, uint8_t* tile);
using ColumnScales = void (*)(const uint8_t* panel, int64_t pass, int64_t k, float* scales);

template <bool BothRows, class Between>
HENCE_INLINE void multiplyTilesInt8(const uint8_t* a, const uint8_t* b, int steps, const Between& between) {
  for (int s = 0; s < steps; s++) {
    _tile_loadd(4, a + s * kTileBytes, 64);
    _tile_loadd(6, b + s * kTileBytes, 64);
    _tile_loadd(7, b + (kPassSteps + s) * kTileBytes, 64);
    if (BothRows) {
      _tile_loadd(5, a + (kPassSteps + s) * kTileBytes, 64);
    }
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    if (BothRows) {
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(3, 5, 7);
    }
    between();
  }
}

// One matrix with a quantised layout; the arguments of prefillRows.
static __attribute__((noinline)) void prefillRowsInt8(const PackedMatrix& w, const uint8_t* rowTiles, int64_t rows, const Output& out, Range columns, uint8_t* scratch) {
  FillTileInt8 fillTileOf = nullptr;
  ColumnScales columnScalesOf = nullptr;
  withIntegerLayout(w.layout, [&]<Layout L>() { fillTileOf = fillTileInt8<L>, columnScalesOf = columnScales<L>; });
  uint8_t* panels[2] = {scratch, scratch + kPanelTileBytes};
  float* partial = (float*)(scratch + 2 * kPanelTileBytes);
  alignas(64) float products[1024], columnScale[2][2][kPanelColumns];
  const int64_t rowPairs = rowPairCount(rows), panelEnd = panelCount(w.n);
  const float* rowScales = (const float*)(rowTiles + int8TilesBytes(rows, w.k));
  const PrefillOrder order = prefillOrder(w, columns, rowPairs, kInt8PassK, kBlockK);

  auto fill = [&](PrefillWork v, int steps, int turn, int i) {
    const int side = i / steps, step = i % steps;
    uint8_t* tile = panels[turn] + (side * kPassSteps + step) * kTileBytes;
    if (v.pair * 2 + side >= panelEnd) {
      std::memset(tile, 0, kTileBytes);
      return;
    }
    const uint8_t* panel = panelData(w, v.pair * 2 + side);
    if (step == 0) columnScalesOf(panel, v.pass, w.k, columnScale[turn][side]);
    fillTileOf(panel, v.pass * kPassSteps + step, columnScale[turn][side], tile);
    prefetchStep(w, order.next(v), side, step, kInt8PassK, kBlockK);
  };

  PrefillWork now{order.pairs.begin, 0};
  for (int i = 0; order.isWork(now) && i < 2 * order.steps(0); i++) fill(now, order.steps(0), 0, i);
  for (int turn = 0; order.isWork(now); turn ^= 1) {
    tileBarrier();
    const PrefillWork later = order.next(now);
    const bool first = now.pass == 0, last = now.pass == order.passes() - 1;
    const int steps = order.steps(now.pass), laterSteps = order.isWork(later) ? order.steps(later.pass) : 0;
    const int slots = int(rowPairs) * steps, sides = now.pair * 2 + 1 < panelEnd ? 2 : 1;
    int filled = 0, due = 0;
    auto fillSome = [&] {
      for (due += 2 * laterSteps; due >= slots; due -= slots) fill(later, laterSteps, turn ^ 1, filled++);
    };
    for (int64_t rp = 0; rp < rowPairs; rp++) {
      const uint8_t* a = rowTiles + size_t(now.pass * rowPairs + rp) * kPanelTileBytes;
      float* c = partial + ((now.pair - order.bandBegin(now.pair)) * rowPairs + rp) * 1024;
      zeroProducts();
      if (rp * 32 + 16 < rows) multiplyTilesInt8<true>(a, panels[turn], steps, fillSome);
      else multiplyTilesInt8<false>(a, panels[turn], steps, fillSome);
      storeProducts(products);
      tileBarrier();
      const int count = int(rows - rp * 32 < 32 ? rows - rp * 32 : 32);
      for (int r = 0; r < count; r++)
        for (int side = 0; side < sides; side++) {
          const int at = (r / 16 * 2 + side) * 256 + r % 16 * 16;
          const VF scale = mul(_mm512_load_ps(columnScale[turn][side]), setAll(rowScales[now.pass * rowPairs * 32 + rp * 32 + r]));
          VF sum = mul(toFloat(_mm512_load_si512(products + at)), scale);
          if (!first) sum = _mm512_add_ps(sum, _mm512_load_ps(c + at));
          if (last) finishColumns(out, rp * 32 + r, (now.pair * 2 + side) * kPanelColumns, {sum});
          else _mm512_store_ps(c + at, sum);
        }
    }
    now = later;
  }
}

}  // namespace hence::HENCE_TARGET

#endif

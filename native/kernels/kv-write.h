// Stores the keys and values of new tokens in the slots of a KV pool; kernels.h gives the layout. A token with a
// negative slot is padding and is skipped.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

template <KvType Type, class Element> HENCE_INLINE void storeAs(Element* p, F v, int n) {
  if constexpr (Type == KvType::F32) return storePartial(p, v, n);
  else {
    Element t[16];
    if constexpr (Type == KvType::F16) storeF16(t, v);
    else storeBF16(t, v);
    std::memcpy(p, t, size_t(n) * sizeof(Element));
  }
}

template <KvType Type, class Element> HENCE_INLINE void writeHead(const float* key, const float* value, Element* keyBlock, Element* valueBlock,
                                                                     int place, int headDim) {
  Element* valueRow = valueBlock + place * headDim;
  for (int d = 0; d < headDim; d += 16) {
    int n = headDim - d < 16 ? headDim - d : 16;
    Element column[16];
    storeAs<Type>(valueRow + d, loadPartial(value + d, n), n);
    storeAs<Type>(column, loadPartial(key + d, n), n);
    for (int i = 0; i < n; i++) keyBlock[(d + i) * kKvBlockTokens + place] = column[i];
  }
}

// A head is too small for a scale of its own below: dividing by it would lose bits where threads treat subnormals as zero.
constexpr float kSmallestScale = 0x1p-100f;

// The scale of a head's numbers: their largest magnitude is 127 of it. 0 for zeros, NaN where a number is not finite.
HENCE_INLINE float scaleOf(const float* x, int headDim) {
  F largest = zero(), poison = zero();  // x * 0, which is NaN for what is not finite
  for (int d = 0; d < headDim; d += 16) {
    const F v = loadPartial(x + d, headDim - d < 16 ? headDim - d : 16);
    largest = max(abs(v), largest), poison = fma(v, zero(), poison);
  }
  const float scale = reduceMax(largest) / 127 + reduceAdd(poison);
  return scale < kSmallestScale ? 0 : scale;
}

// One head of a token into its stretch of an I8 block: the scale, and bytes from `first` on, `step` apart.
HENCE_INLINE void writeBytes(const float* x, int headDim, uint8_t* stretch, int place, int first, int step) {
  const float scale = scaleOf(x, headDim);
  std::memcpy(stretch + place * sizeof(float), &scale, sizeof scale);
  uint8_t* to = stretch + kvScaleBytes(KvType::I8) + first;
  for (int d = 0; d < headDim; d += 16) {
    const int n = headDim - d < 16 ? headDim - d : 16;
    int32_t bytes[16] = {};
    if (scale > 0) istore(bytes, toInt(loadPartial(x + d, n) / set1(scale)));
    for (int i = 0; i < n; i++) to[(d + i) * step] = uint8_t(bytes[i]);
  }
}

template <KvType Type, class Element> HENCE_INLINE void writeKv(const KvWriteArgs& a, const Thread& t) {
  // Heads outside, tokens inside: neighbouring tokens share the cache lines of a key block and stay on one thread.
  Range items = t.share(a.tokens * a.kvHeads);
  for (int64_t i = items.begin; i < items.end; i++) {
    int64_t head = i / a.tokens, token = i % a.tokens;
    int32_t slot = a.slots[token];
    if (slot < 0) continue;
    int64_t from = (token * a.kvHeads + head) * a.headDim;
    const int64_t stretch = (int64_t(slot / kKvBlockTokens) * a.kvHeads + head) * kvHeadBytes(Type, a.headDim);
    uint8_t *keys = a.keyPool + stretch, *values = a.valuePool + stretch;
    const int place = slot % kKvBlockTokens;
    if constexpr (Type == KvType::I8) {
      writeBytes(a.key + from, a.headDim, keys, place, place, kKvBlockTokens);
      writeBytes(a.value + from, a.headDim, values, place, place * a.headDim, 1);
    } else writeHead<Type>(a.key + from, a.value + from, reinterpret_cast<Element*>(keys), reinterpret_cast<Element*>(values), place, a.headDim);
  }
}

inline void kvWrite(const KvWriteArgs& a, const Thread& t) {
  switch (a.type) {
    case KvType::F32: return writeKv<KvType::F32, float>(a, t);
    case KvType::F16: return writeKv<KvType::F16, uint16_t>(a, t);
    case KvType::BF16: return writeKv<KvType::BF16, uint16_t>(a, t);
    case KvType::I8: return writeKv<KvType::I8, int8_t>(a, t);
  }
}

}  // namespace hence::HENCE_TARGET

// Stores the keys and values of new tokens in the slots of a KV pool; kernels.h gives the layout. A token with a
// negative slot is padding and is skipped.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

template <FloatType Type, class Element> HENCE_INLINE void storeAs(Element* p, F v, int n) {
  if constexpr (Type == FloatType::F32) return storePartial(p, v, n);
  else {
    Element t[16];
    if constexpr (Type == FloatType::F16) storeF16(t, v);
    else storeBF16(t, v);
    std::memcpy(p, t, size_t(n) * sizeof(Element));
  }
}

template <FloatType Type, class Element> HENCE_INLINE void writeHead(const float* key, const float* value, Element* keyBlock, Element* valueBlock,
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

template <FloatType Type, class Element> HENCE_INLINE void writeKv(const KvWriteArgs& a, const Thread& t) {
  // Heads outside, tokens inside: neighbouring tokens share the cache lines of a key block and stay on one thread.
  Range items = t.share(a.tokens * a.kvHeads);
  for (int64_t i = items.begin; i < items.end; i++) {
    int64_t head = i / a.tokens, token = i % a.tokens;
    int32_t slot = a.slots[token];
    if (slot < 0) continue;
    int64_t from = (token * a.kvHeads + head) * a.headDim;
    int64_t block = (int64_t(slot / kKvBlockTokens) * a.kvHeads + head) * a.headDim * kKvBlockTokens;
    writeHead<Type>(a.key + from, a.value + from, reinterpret_cast<Element*>(a.keyPool) + block, reinterpret_cast<Element*>(a.valuePool) + block,
                    slot % kKvBlockTokens, a.headDim);
  }
}

inline void kvWrite(const KvWriteArgs& a, const Thread& t) {
  switch (a.type) {
    case FloatType::F32: return writeKv<FloatType::F32, float>(a, t);
    case FloatType::F16: return writeKv<FloatType::F16, uint16_t>(a, t);
    case FloatType::BF16: return writeKv<FloatType::BF16, uint16_t>(a, t);
  }
}

}  // namespace hence::HENCE_TARGET

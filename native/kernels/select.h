// Where the largest or smallest numbers along an axis are. NaN counts as greater than every number.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

// A number's bits as an unsigned integer of the same order: zeros are equal, NaN are the greatest.
HENCE_INLINE uint32_t orderOf(float x) {
  if (x != x) return 0xffffffff;
  if (x == 0) return 0x80000000;
  uint32_t u;
  std::memcpy(&u, &x, 4);
  return u & 0x80000000 ? ~u : u | 0x80000000;
}

// The last of equal numbers comes first where `last` is set.
HENCE_INLINE int32_t extremeOf(const float* x, int64_t size, int64_t step, bool smallest, bool last) {
  uint32_t best = 0;
  int64_t at = -1;
  for (int64_t i = 0; i < size; i++) {
    const uint32_t order = orderOf(x[i * step]), rank = smallest && x[i * step] == x[i * step] ? ~order : order;
    if (at < 0 || rank > best || (last && rank == best)) best = rank, at = i;
  }
  return int32_t(at);
}

// Sixteen neighbours along the inner axis; those that meet a NaN are looked at one by one.
HENCE_INLINE void extremeLanes(const ExtremeArgs& a, const float* x, int n, int32_t* y) {
  const F sign = set1(a.smallest ? -1.0f : 1.0f);
  auto get = [&](int64_t i) HENCE_INLINE_LAMBDA { return sign * (n == kLanes ? load(x + i * a.inner) : loadPartial(x + i * a.inner, n)); };
  F best = get(0), at = bits(iset1(0)), odd = selectNaN(best, set1(1.0f), zero());
  for (int64_t i = 1; i < a.size; i++) {
    const F v = get(i), index = bits(iset1(int32_t(i)));
    odd = selectNaN(v, set1(1.0f), odd);
    at = a.last ? selectLess(v, best, at, index) : selectLess(best, v, index, at);
    best = selectLess(best, v, v, best);
  }
  int32_t indices[kLanes];
  istore(indices, bits(at));
  alignas(64) float isOdd[kLanes];
  store(isOdd, odd);
  for (int lane = 0; lane < n; lane++) y[lane] = isOdd[lane] == 0 ? indices[lane] : extremeOf(x + lane, a.size, a.inner, a.smallest, a.last);
}

// A row whose numbers are neighbours: the extreme of all of it, then its place.
HENCE_INLINE int32_t extremeOfRow(const ExtremeArgs& a, const float* x) {
  if (a.size < kLanes) return extremeOf(x, a.size, 1, a.smallest, a.last);
  const F sign = set1(a.smallest ? -1.0f : 1.0f);
  F best = sign * load(x), odd = selectNaN(best, set1(1.0f), zero());
  auto add = [&](int64_t i) HENCE_INLINE_LAMBDA {
    const F v = sign * load(x + i);
    odd = selectNaN(v, set1(1.0f), odd);
    best = max(best, v);
  };
  for (int64_t i = kLanes; i + kLanes <= a.size; i += kLanes) add(i);
  if (a.size % kLanes) add(a.size - kLanes);
  if (reduceAdd(odd) != 0) return extremeOf(x, a.size, 1, a.smallest, a.last);
  const float wanted = a.smallest ? -reduceMax(best) : reduceMax(best);
  int64_t at = a.last ? a.size - 1 : 0;
  while (!(x[at] == wanted)) at += a.last ? -1 : 1;
  return int32_t(at);
}

inline void extreme(const ExtremeArgs& a, const Thread& t) {
  if (a.inner == 1) {
    const Range rows = t.share(a.outer);
    for (int64_t row = rows.begin; row < rows.end; row++) a.y[row] = extremeOfRow(a, a.x + row * a.size);
    return;
  }
  const int64_t blocks = (a.inner + kLanes - 1) / kLanes;
  const Range share = t.share(a.outer * blocks);
  for (int64_t at = share.begin; at < share.end; at++) {
    const int64_t o = at / blocks, c = at % blocks * kLanes;
    extremeLanes(a, a.x + o * a.size * a.inner + c, a.inner - c < kLanes ? int(a.inner - c) : kLanes, a.y + o * a.inner + c);
  }
}

inline size_t topKWorkspace(int64_t k, int threads) { return size_t(threads) * (size_t(k) * 8 + 64); }

// Puts `key` in the place of the least key of a heap whose least comes first, and moves it where it belongs.
HENCE_INLINE void replaceLeast(uint64_t* heap, int64_t count, uint64_t key) {
  int64_t at = 0;
  for (int64_t child = 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= key) break;
    heap[at] = heap[child], at = child;
  }
  heap[at] = key;
}

// A key is the rank of a number, then its place from the end, so that of equal numbers the first is the greatest.
inline void topKOfRow(const TopKArgs& a, const float* x, uint64_t* heap, float* values, int32_t* indices) {
  const int64_t k = a.k;
  auto keyOf = [&](int64_t i) HENCE_INLINE_LAMBDA { return uint64_t(a.smallest ? ~orderOf(x[i]) : orderOf(x[i])) << 32 | uint32_t(~uint32_t(i)); };
  for (int64_t i = 0; i < k; i++) heap[i] = 0;
  for (int64_t i = 0; i < k; i++) replaceLeast(heap, k, keyOf(i));
  // Sixteen numbers of which none is better than the worst kept are passed over. A NaN is never less, so it is looked at.
  const F sign = set1(a.smallest ? -1.0f : 1.0f);
  auto bound = [&] { return sign * set1(x[uint32_t(~uint32_t(heap[0]))]); };
  F worst = bound();
  int64_t i = k;
  for (; i + kLanes <= a.width; i += kLanes) {
    const F passed = selectLess(sign * load(x + i), worst, zero(), set1(1.0f));
    if (reduceAdd(passed) == 0) continue;
    for (int64_t j = i; j < i + kLanes; j++)
      if (const uint64_t key = keyOf(j); key > heap[0]) replaceLeast(heap, k, key);
    worst = bound();
  }
  for (; i < a.width; i++)
    if (const uint64_t key = keyOf(i); key > heap[0]) replaceLeast(heap, k, key);
  for (int64_t left = k; left > 0; left--) {  // the least of what is left goes to the end
    const int64_t index = uint32_t(~uint32_t(heap[0]));
    values[left - 1] = x[index], indices[left - 1] = int32_t(index);
    replaceLeast(heap, left - 1, heap[left - 1]);
  }
}

inline void topK(const TopKArgs& a, const Thread& t) {
  if (a.k == 0) return;
  uint64_t* heap = (uint64_t*)(a.workspace + topKWorkspace(a.k, 1) * size_t(t.index));
  const Range rows = t.share(a.rows);
  for (int64_t row = rows.begin; row < rows.end; row++) topKOfRow(a, a.x + row * a.width, heap, a.values + row * a.k, a.indices + row * a.k);
}

}  // namespace hence::HENCE_TARGET

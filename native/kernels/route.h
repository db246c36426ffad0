// Tokens to their experts, and the experts' rows back to their tokens.
#pragma once
#include "vector-math.h"

namespace hence::HENCE_TARGET {

// Sum of eˣ over `count` numbers less `largest`; `e`, if not null, gets the numbers.
HENCE_INLINE float sumOfExponentials(const float* x, int count, float largest, float* e) {
  F sum = zero();
  for (int i = 0; i < count; i += kLanes) {
    const int n = count - i < kLanes ? count - i : kLanes;
    const F v = keepFirst(exp(loadPartial(x + i, n) - set1(largest)), n);
    if (e) storePartial(e + i, v, n);
    sum = sum + v;
  }
  return reduceAdd(sum);
}

// The best experts of one token, best first; the lower one among equals. `logits` of the chosen are left in `weights`.
HENCE_INLINE void chooseExperts(const float* logits, int experts, int wanted, int32_t* chosen, float* weights) {
  int held = 0;
  for (int e = 0; e < experts; e++) {
    const float v = logits[e];
    if (held == wanted && !(v > weights[held - 1])) continue;
    int at = held < wanted ? held++ : held - 1;
    for (; at > 0 && v > weights[at - 1]; at--) weights[at] = weights[at - 1], chosen[at] = chosen[at - 1];
    weights[at] = v, chosen[at] = e;
  }
}

static size_t routeWorkspace(int64_t tokens, int32_t perToken, int32_t experts) {
  return size_t(tokens) * size_t(perToken) * 8 + size_t(experts + 1) * 4;
}

static void route(const RouteArgs& a, const Thread& t) {
  const int64_t pairs = a.tokens * a.perToken;
  float* const weights = reinterpret_cast<float*>(a.workspace);
  int32_t* const chosen = reinterpret_cast<int32_t*>(weights + pairs);
  const Range tokens = t.share(a.tokens);
  for (int64_t i = tokens.begin; i < tokens.end; i++) {
    const float* logits = a.logits + i * a.experts;
    float* const w = weights + i * a.perToken;
    chooseExperts(logits, a.experts, a.perToken, chosen + i * a.perToken, w);
    const float largest = w[0];
    const float all = a.normalize ? 0 : sumOfExponentials(logits, a.experts, largest, nullptr);
    const float total = sumOfExponentials(w, a.perToken, largest, w);
    const float factor = 1.0f / (a.normalize ? total : all);
    for (int j = 0; j < a.perToken; j++) w[j] *= factor;
  }
  t.barrier();
  if (t.index != 0) return;
  int32_t* const next = chosen + pairs;  // where the next pair of an expert goes
  std::memset(next, 0, size_t(a.experts + 1) * 4);
  for (int64_t i = 0; i < pairs; i++) next[chosen[i] + 1]++;
  for (int e = 0; e < a.experts; e++) next[e + 1] += next[e];
  std::memcpy(a.groups, next, size_t(a.experts + 1) * 4);
  for (int64_t i = 0; i < pairs; i++) {
    const int32_t at = next[chosen[i]]++;
    a.rows[at] = int32_t(i / a.perToken);
    a.weights[at] = weights[i];
  }
}

// Threads share columns, so that no two add to the same number.
static void scatterAdd(const ScatterAddArgs& a, const Thread& t) {
  const Range blocks = t.share((a.width + kLanes - 1) / kLanes);
  const int64_t begin = blocks.begin * kLanes, end = blocks.end * kLanes < a.width ? blocks.end * kLanes : a.width;
  if (begin >= end) return;
  for (int64_t row = 0; row < a.tokens; row++) std::memcpy(a.y + row * a.width + begin, a.base + row * a.width + begin, size_t(end - begin) * 4);
  for (int64_t i = 0; i < a.count; i++) {
    const float* x = a.x + i * a.width;
    float* y = a.y + a.rows[i] * a.width;
    const F weight = set1(a.weights[i]);
    int64_t c = begin;
    for (; c + kLanes <= end; c += kLanes) store(y + c, fma(weight, load(x + c), load(y + c)));
    if (const int n = int(end - c)) storePartial(y + c, fma(weight, loadPartial(x + c, n), loadPartial(y + c, n)), n);
  }
}

}  // namespace hence::HENCE_TARGET

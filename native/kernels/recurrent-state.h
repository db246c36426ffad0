// Layers that carry a state from token to token: selective scans and short convolutions. Threads share the channels, sixteen
// at a time, and walk all sequences on their own.
#pragma once
#include "../layouts.h"
#include "map-functions.h"

namespace hence::HENCE_TARGET {

// Sixteen channels, or those that are left.
struct Channels {
  int64_t first;
  int count;
  HENCE_INLINE F load(const float* p) const { return loadPartial(p + first, count); }
  HENCE_INLINE void store(float* p, F v) const { storePartial(p + first, v, count); }
};

// body(channels) for this thread's share.
template <class Body> HENCE_INLINE void eachChannels(int64_t channels, const Thread& thread, const Body& body) {
  const Range blocks = thread.share((channels + kLanes - 1) / kLanes);
  for (int64_t b = blocks.begin; b < blocks.end; b++) {
    const int64_t left = channels - b * kLanes;
    body(Channels{b * kLanes, int(left < kLanes ? left : kLanes)});
  }
}

// A sequence's part of the step.
struct Stretch {
  int64_t begin, end;  // tokens
  int32_t slot;
  bool isFresh;  // it begins with the sequence's first token: the slot holds another's state
};

template <class Body> HENCE_INLINE void eachStretch(const StateArgs& a, const Body& body) {
  for (int64_t s = 0; s < a.sequences; s++) {
    const int32_t begin = a.queryStarts[s], end = a.queryStarts[s + 1];
    if (begin < end) body(Stretch{begin, end, a.slots[s], a.contextLengths[s] == end - begin});
  }
}

// h ← exp(Δ·a) ⊙ h + Δ·x·b; y = Σ h·c + d·x, times silu(gate); Δ = softplus(dt). A slot holds, for every sixteen channels (the
// last ones may be fewer), [stateSize][channels].
static void selectiveScan(const SelectiveScanArgs& a, const Thread& thread) {
  const int64_t width = a.state.channels, size = a.stateSize;
  float* const own = reinterpret_cast<float*>(a.workspace) + thread.index * 2 * size * kLanes;
  float *const decay = own, *const h = own + size * kLanes;
  eachChannels(width, thread, [&](Channels channels) HENCE_INLINE_LAMBDA {
    const float* panel = reinterpret_cast<const float*>(panelData(a.a, channels.first / kLanes));
    for (int64_t n = 0; n < size; n++) {
      const F v = load(panel + n * kLanes);
      store(decay + n * kLanes, a.isLogarithm ? negate(exp(v)) : v);
    }
    const F skip = channels.load(a.d);
    auto slotOf = [&](int32_t slot) { return a.state.pool + (slot * width + channels.first) * size; };
    auto keep = [&](int32_t slot) {
      for (int64_t n = 0; n < size; n++) storePartial(slotOf(slot) + n * channels.count, load(h + n * kLanes), channels.count);
    };
    eachStretch(a.state, [&](Stretch stretch) HENCE_INLINE_LAMBDA {
      for (int64_t n = 0; n < size; n++)
        store(h + n * kLanes, stretch.isFresh ? zero() : loadPartial(slotOf(stretch.slot) + n * channels.count, channels.count));
      for (int64_t t = stretch.begin; t < stretch.end; t++) {
        const F x = channels.load(a.x + t * width), dt = softplus(channels.load(a.dt + t * width)), scaled = dt * x;
        const float *b = a.b + t * size, *c = a.c + t * size;
        F y = x * skip;
        for (int64_t n = 0; n < size; n++) {
          const F now = fma(exp(dt * load(decay + n * kLanes)), load(h + n * kLanes), scaled * set1(b[n]));
          store(h + n * kLanes, now);
          y = fma(now, set1(c[n]), y);
        }
        if (a.gate) y = y * silu(channels.load(a.gate + t * width));
        channels.store(a.y + t * width, y);
        if (a.state.snapshots[t] >= 0) keep(a.state.snapshots[t]);
      }
      keep(stretch.slot);
    });
  });
}

static size_t selectiveScanWorkspace(int32_t stateSize, int threads) { return size_t(threads) * 2 * size_t(stateSize) * kLanes * 4; }

// y[t] = after ⊙ activation(Σ w[j] ⊙ u[t - taps + 1 + j] + bias) with u = x ⊙ before. A slot holds the last taps - 1 u.
static void causalConv(const CausalConvArgs& a, const Thread& thread) {
  const int64_t width = a.state.channels;
  const int before = a.taps - 1;
  alignas(64) float inputs[kMaxCausalTaps * kLanes];  // u of the last taps tokens, the newest last
  eachChannels(width, thread, [&](Channels channels) HENCE_INLINE_LAMBDA {
    const float* panel = reinterpret_cast<const float*>(panelData(a.w, channels.first / kLanes));
    const F bias = a.bias ? channels.load(a.bias) : zero();
    auto keep = [&](int32_t slot) {  // the newest lies one place further than at the beginning of a token
      for (int j = 0; j < before; j++) channels.store(a.state.pool + (int64_t(slot) * before + j) * width, load(inputs + (j + 1) * kLanes));
    };
    eachStretch(a.state, [&](Stretch stretch) HENCE_INLINE_LAMBDA {
      for (int j = 0; j < before; j++)
        store(inputs + (j + 1) * kLanes, stretch.isFresh ? zero() : channels.load(a.state.pool + (int64_t(stretch.slot) * before + j) * width));
      for (int64_t t = stretch.begin; t < stretch.end; t++) {
        for (int j = 0; j < before; j++) store(inputs + j * kLanes, load(inputs + (j + 1) * kLanes));
        F u = channels.load(a.x + t * width), y = bias;
        if (a.before) u = u * channels.load(a.before + t * width);
        store(inputs + before * kLanes, u);
        for (int j = 0; j < a.taps; j++) y = fma(load(inputs + j * kLanes), load(panel + j * kLanes), y);
        if (a.isSilu) y = silu(y);
        if (a.after) y = y * channels.load(a.after + t * width);
        channels.store(a.y + t * width, y);
        if (a.state.snapshots[t] >= 0) keep(a.state.snapshots[t]);
      }
      keep(stretch.slot);
    });
  });
}

}  // namespace hence::HENCE_TARGET

// One direction of a recurrent layer: per step the product of the last state with R, then the gates. R lies as one run of
// panels per gate, so that the panels of sixteen units are read side by side and their gates never leave the registers. The
// states are rows of y; each step reads the row the step before wrote.
//
// Threads take sequences of their own where there are enough of them: they never wait for each other. Else they take units,
// when a step is long enough to pay for meeting after it.
#pragma once
#include "../kernels.h"
#include "../layouts.h"
#include "../simd.h"
#include "vector-math.h"

namespace hence::HENCE_TARGET {

// Multiply-adds of a step from which on threads share it.
constexpr int64_t kSharedStepWork = 200'000;
// Sequences that meet a panel together.
constexpr int kRecurrentRows = kAccumulators >= 24 ? 4 : 1;

HENCE_INLINE F applyGate(const GateFunction& f, float clip, F x) {
  if (clip < __builtin_inff()) x = hence::HENCE_TARGET::clip(x, set1(-clip), set1(clip));
  const F a = set1(f.a), b = set1(f.b), one = set1(1.0f);
  switch (f.kind) {
    case GateKind::Relu: return relu(x);
    case GateKind::Tanh: return tanh(x);
    case GateKind::Sigmoid: return sigmoid(x);
    case GateKind::Softsign: return x / (one + abs(x));
    case GateKind::Softplus: {  // log(1 + e) with the rounding of 1 + e made good
      const F e = exp(negate(abs(x))), whole = one + e, rest = e - (whole - one);
      return max(x, zero()) + (log(whole) + rest / whole);
    }
    case GateKind::Affine: return fma(a, x, b);
    case GateKind::LeakyRelu: return selectLess(x, zero(), a * x, x);
    case GateKind::ThresholdedRelu: return selectLess(x, a, zero(), x);
    case GateKind::ScaledTanh: return a * tanh(b * x);
    case GateKind::HardSigmoid: return hence::HENCE_TARGET::clip(fma(a, x, b), zero(), one);
    case GateKind::Elu: {  // eˣ - 1 by tanh(x/2), which loses nothing near zero
      const F t = tanh(x * set1(0.5f));
      return selectLess(x, zero(), a * (selectLess(x, set1(-1.0f), exp(x) - one, (t + t) / (one - t))), x);
    }
    case GateKind::Count: break;
  }
  return x;
}

// The sequences that a step of a thread is about: their states before, and their rows.
struct RecurrentRow {
  const float* before;  // state, null for zeros
  int64_t sequence, row;  // row of x and y: time · batch + sequence
};

// sums[row][panel] = state of the row times sixteen columns of R, for `Panels` panels at once. Few chains of additions
// are split along k.
template <int Rows, int Panels>
HENCE_INLINE void stateProducts(const float* const* panels, const float* const* states, int64_t k, F (*sums)[Panels]) {
  constexpr int kSplit = Rows * Panels * 4 <= kAccumulators ? 4 : Rows * Panels * 2 <= kAccumulators ? 2 : 1;
  F parts[kSplit][Rows][Panels];
  for (int s = 0; s < kSplit; s++)
    for (int r = 0; r < Rows; r++)
      for (int p = 0; p < Panels; p++) parts[s][r][p] = zero();
  int64_t i = 0;
  for (; i + kSplit <= k; i += kSplit)
#pragma GCC unroll 4
    for (int s = 0; s < kSplit; s++)
#pragma GCC unroll 4
      for (int p = 0; p < Panels; p++) {
        const F w = load(panels[p] + (i + s) * kPanelColumns);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; r++) parts[s][r][p] = fma(set1(states[r][i + s]), w, parts[s][r][p]);
      }
  for (; i < k; i++)
    for (int p = 0; p < Panels; p++) {
      const F w = load(panels[p] + i * kPanelColumns);
      for (int r = 0; r < Rows; r++) parts[0][r][p] = fma(set1(states[r][i]), w, parts[0][r][p]);
    }
  for (int r = 0; r < Rows; r++)
    for (int p = 0; p < Panels; p++) {
      F sum = parts[0][r][p];
      for (int s = 1; s < kSplit; s++) sum = sum + parts[s][r][p];
      sums[r][p] = sum;
    }
}

class RecurrentStep {
 public:
  explicit RecurrentStep(const RecurrentArgs& a) : a_(a), panelFloats_((int64_t(a.hidden) + 31) / 32 * 32 * kPanelColumns), blocks_((a.hidden + 15) / 16) {}

  int64_t blocks() const { return blocks_; }

  // Sixteen units of some sequences. Phase 0 is all there is, but for a gru whose state is scaled before its product:
  // there phase 0 leaves the update gate in y and the scaled state in the workspace, and phase 1 the rest.
  void run(int phase, int64_t block, const RecurrentRow* rows, int count) const {
    for (int at = 0; at < count;) {
      const int n = count - at >= kRecurrentRows ? kRecurrentRows : 1;
      if (n == 1) dispatch<1>(phase, block, rows + at);
      else dispatch<kRecurrentRows>(phase, block, rows + at);
      at += n;
    }
  }

 private:
  template <int Rows> void dispatch(int phase, int64_t block, const RecurrentRow* rows) const {
    switch (a_.kind) {
      case RecurrentKind::Lstm: return lstm<Rows>(block, rows);
      case RecurrentKind::Rnn: return rnn<Rows>(block, rows);
      case RecurrentKind::Gru: return a_.linearBeforeReset ? gruLinear<Rows>(block, rows) : phase == 0 ? gruGates<Rows>(block, rows) : gruState<Rows>(block, rows);
    }
  }

  int lanes(int64_t block) const { return int(a_.hidden - block * 16 < 16 ? a_.hidden - block * 16 : 16); }
  F get(const float* p, int64_t block) const { return p ? loadPartial(p + block * 16, lanes(block)) : zero(); }
  void put(float* p, int64_t block, F value) const { storePartial(p + block * 16, value, lanes(block)); }
  float* y(const RecurrentRow& row) const { return a_.y + row.row * a_.hidden; }
  F share(const RecurrentRow& row, int gate, int64_t block) const {
    return get(a_.x + (row.row * gatesOf(a_.kind) + gate) * a_.hidden, block);
  }
  F peephole(int gate, int64_t block) const { return get(a_.peepholes ? a_.peepholes + int64_t(gate) * a_.hidden : nullptr, block); }
  F apply(int function, F x) const { return applyGate(a_.functions[function], a_.clip, x); }

  // Products of the states (or what stands for them) with the panels of gates first … first + Panels.
  template <int Rows, int Panels> void products(int first, int64_t block, const RecurrentRow* rows, F (*sums)[Panels], bool scaled = false) const {
    const float *panels[Panels], *states[Rows];
    for (int p = 0; p < Panels; p++) panels[p] = reinterpret_cast<const float*>(a_.r.data) + ((first + p) * blocks_ + block) * panelFloats_;
    for (int r = 0; r < Rows; r++) states[r] = scaled ? a_.scaled + rows[r].sequence * a_.hidden : rows[r].before;
    if (!states[0]) {  // either all have a state or none
      for (int r = 0; r < Rows; r++)
        for (int p = 0; p < Panels; p++) sums[r][p] = zero();
      return;
    }
    stateProducts<Rows, Panels>(panels, states, a_.hidden, sums);
  }

  template <int Rows> void rnn(int64_t block, const RecurrentRow* rows) const {
    F sums[Rows][1];
    products<Rows, 1>(0, block, rows, sums);
    for (int r = 0; r < Rows; r++) put(y(rows[r]), block, apply(0, share(rows[r], 0, block) + sums[r][0]));
  }

  template <int Rows> void lstm(int64_t block, const RecurrentRow* rows) const {
    F sums[Rows][4];
    products<Rows, 4>(0, block, rows, sums);
    for (int r = 0; r < Rows; r++) {
      float* const cell = a_.c + rows[r].sequence * a_.hidden;
      const F before = get(cell, block);
      F in = share(rows[r], 0, block) + sums[r][0], out = share(rows[r], 1, block) + sums[r][1];
      F forget = share(rows[r], 2, block) + sums[r][2], candidate = share(rows[r], 3, block) + sums[r][3];
      if (a_.peepholes) in = fma(peephole(0, block), before, in), forget = fma(peephole(2, block), before, forget);
      in = apply(0, in);
      forget = a_.coupled ? set1(1.0f) - in : apply(0, forget);
      const F now = fma(forget, before, in * apply(1, candidate));
      if (a_.peepholes) out = fma(peephole(1, block), now, out);
      put(cell, block, now);
      put(y(rows[r]), block, apply(0, out) * apply(2, now));
    }
  }

  HENCE_INLINE F mixed(F update, F candidate, F before) const { return fma(update, before - candidate, candidate); }

  template <int Rows> void gruLinear(int64_t block, const RecurrentRow* rows) const {
    F sums[Rows][3];
    products<Rows, 3>(0, block, rows, sums);
    const F bias = get(a_.hiddenBias, block);
    for (int r = 0; r < Rows; r++) {
      const F update = apply(0, share(rows[r], 0, block) + sums[r][0]), reset = apply(0, share(rows[r], 1, block) + sums[r][1]);
      const F candidate = apply(1, fma(reset, sums[r][2] + bias, share(rows[r], 2, block)));
      put(y(rows[r]), block, mixed(update, candidate, get(rows[r].before, block)));
    }
  }

  template <int Rows> void gruGates(int64_t block, const RecurrentRow* rows) const {
    F sums[Rows][2];
    products<Rows, 2>(0, block, rows, sums);
    for (int r = 0; r < Rows; r++) {
      const F reset = apply(0, share(rows[r], 1, block) + sums[r][1]);
      put(a_.scaled + rows[r].sequence * a_.hidden, block, reset * get(rows[r].before, block));
      put(y(rows[r]), block, apply(0, share(rows[r], 0, block) + sums[r][0]));
    }
  }

  template <int Rows> void gruState(int64_t block, const RecurrentRow* rows) const {
    F sums[Rows][1];
    products<Rows, 1>(2, block, rows, sums, true);
    for (int r = 0; r < Rows; r++) {
      const F candidate = apply(1, share(rows[r], 2, block) + sums[r][0]);
      put(y(rows[r]), block, mixed(get(y(rows[r]), block), candidate, get(rows[r].before, block)));
    }
  }

  const RecurrentArgs& a_;
  const int64_t panelFloats_, blocks_;
};

inline void recurrent(const RecurrentArgs& a, const Thread& t) {
  const RecurrentStep step(a);
  const int64_t hidden = a.hidden, work = hidden * hidden * gatesOf(a.kind);
  const bool sharesUnits = t.count > 1 && a.batch < 2 * t.count && work * a.batch >= kSharedStepWork;
  const bool isAlone = !sharesUnits && a.batch < t.count;
  if (isAlone && t.index > 0) return;
  const Range own = sharesUnits || isAlone ? Range{0, a.batch} : t.share(a.batch);
  const Range units = sharesUnits ? t.share(step.blocks()) : Range{0, step.blocks()};
  const int64_t first = units.begin * 16, last = units.end * 16 < hidden ? units.end * 16 : hidden;
  const int phases = a.kind == RecurrentKind::Gru && !a.linearBeforeReset ? 2 : 1;
  auto lengthOf = [&](int64_t b) {
    const int64_t given = a.lengths ? a.lengths[b] : a.time;
    return given < 0 ? 0 : given > a.time ? a.time : given;
  };
  auto rowAt = [&](int64_t b, int64_t at) { return (a.reversed ? lengthOf(b) - 1 - at : at) * a.batch + b; };
  auto copyUnits = [&](float* to, const float* from) {
    if (last <= first) return;
    if (from) std::memcpy(to + first, from + first, size_t(last - first) * 4);
    else std::memset(to + first, 0, size_t(last - first) * 4);
  };
  int64_t steps = 0;
  for (int64_t b = own.begin; b < own.end; b++) {
    if (a.c) copyUnits(a.c + b * hidden, a.initialCell ? a.initialCell + b * hidden : nullptr);
    if (const int64_t length = lengthOf(b); length > steps) steps = length;
  }
  constexpr int kMost = 32;
  RecurrentRow rows[kMost];
  for (int64_t at = 0; at < steps; at++)
    for (int phase = 0; phase < phases; phase++) {
      for (int64_t begin = own.begin; begin < own.end;) {
        int count = 0;
        for (; begin < own.end && count < kMost; begin++) {
          if (at >= lengthOf(begin)) continue;
          const float* before = at > 0 ? a.y + rowAt(begin, at - 1) * hidden : a.initialState ? a.initialState + begin * hidden : nullptr;
          rows[count++] = {before, begin, rowAt(begin, at)};
        }
        for (int64_t block = units.begin; block < units.end; block++) step.run(phase, block, rows, count);
      }
      if (sharesUnits) t.barrier();
    }
  for (int64_t b = own.begin; b < own.end; b++) {
    const int64_t length = lengthOf(b);
    copyUnits(a.last + b * hidden, length > 0 ? a.y + rowAt(b, length - 1) * hidden : a.initialState ? a.initialState + b * hidden : nullptr);
    for (int64_t time = length; time < a.time; time++) copyUnits(a.y + (time * a.batch + b) * hidden, nullptr);
  }
}

}  // namespace hence::HENCE_TARGET

// Reduction over any set of axes. Neighbouring axes of one kind come merged, so kept and reduced axes alternate. Where
// the last axis is reduced, runs are summed across lanes; where it is kept, sixteen columns share a vector.
#pragma once
#include "../kernels.h"
#include "../dot.h"
#include "map-functions.h"

namespace hence::HENCE_TARGET {

constexpr int64_t kReduceRun = 4096;  // numbers added up, lane by lane, before they join the total
// Rows added one after the other before they join the total. So does a plain loop, and so do other engines: where a model
// subtracts nearly equal sums, their order decides what is left.
constexpr int64_t kReduceRows = 1024;
constexpr int kReduceColumns = 4;     // vectors of columns side by side

enum class ReduceJoin { Sum, Max, Min, Prod };
enum class ReduceTerm { Plain, Square, Abs, Exp };

template <ReduceJoin Join, ReduceTerm Term> struct Reducer {
  // What stands for a number beyond the end; its term changes nothing.
  static constexpr float kNothing = Term == ReduceTerm::Exp || Join == ReduceJoin::Max ? -__builtin_inff() : Join == ReduceJoin::Min ? __builtin_inff() : Join == ReduceJoin::Prod ? 1.0f : 0.0f;
  static constexpr float kInitial = Join == ReduceJoin::Max ? -__builtin_inff() : Join == ReduceJoin::Min ? __builtin_inff() : Join == ReduceJoin::Prod ? 1.0f : 0.0f;

  HENCE_INLINE static F join(F a, F b) {
    if constexpr (Join == ReduceJoin::Sum) return a + b;
    else if constexpr (Join == ReduceJoin::Prod) return a * b;
    else if constexpr (Join == ReduceJoin::Max) return maxOrNaN(a, b);
    else return minOrNaN(a, b);
  }
  HENCE_INLINE static F add(F sum, F x, F shift) {
    if constexpr (Term == ReduceTerm::Square) return fma(x, x, sum);
    else if constexpr (Term == ReduceTerm::Abs) return sum + abs(x);
    else if constexpr (Term == ReduceTerm::Exp) return sum + exp(x - shift);
    else return join(sum, x);
  }
  HENCE_INLINE static double across(F a, double total) {
    float lanes[16];
    store(lanes, a);
    if constexpr (Join == ReduceJoin::Sum) return total + reduceAdd(a);
    for (float v : lanes) {
      if constexpr (Join == ReduceJoin::Prod) total *= v;
      else if constexpr (Join == ReduceJoin::Max) total = v > total || v != v ? v : total;
      else total = v < total || v != v ? v : total;
    }
    return total;
  }
  // Joins a run of n numbers to `total`.
  static double run(const float* x, int64_t n, float shift, double total) {
    const F s = set1(shift);
    for (int64_t begin = 0; begin < n; begin += kReduceRun) {
      const int64_t end = begin + kReduceRun < n ? begin + kReduceRun : n;
      F sums[4] = {set1(kInitial), sums[0], sums[0], sums[0]};
      int64_t i = begin;
      for (; i + 64 <= end; i += 64)
        for (int j = 0; j < 4; j++) sums[j] = add(sums[j], load(x + i + 16 * j), s);
      for (; i + 16 <= end; i += 16) sums[0] = add(sums[0], load(x + i), s);
      if (i < end && kNothing == 0) {
        sums[1] = add(sums[1], loadPartial(x + i, int(end - i)), s);
      } else if (i < end) {
        float rest[16];
        store(rest, set1(kNothing));
        std::memcpy(rest, x + i, size_t(end - i) * 4);
        sums[1] = add(sums[1], load(rest), s);
      }
      total = across(join(join(sums[0], sums[1]), join(sums[2], sums[3])), total);
    }
    return total;
  }
};

// The axes of one kind, with the steps they make in x.
struct ReduceWalk {
  int depth = 0;
  int64_t sizes[kReduceAxes], strides[kReduceAxes], index[kReduceAxes], count = 1;
  int64_t offset = 0;

  void add(int64_t size, int64_t stride) { sizes[depth] = size, strides[depth++] = stride, count *= size; }
  void moveTo(int64_t at) {
    offset = 0;
    for (int axis = depth - 1; axis >= 0; axis--) index[axis] = at % sizes[axis], at /= sizes[axis], offset += index[axis] * strides[axis];
  }
  HENCE_INLINE void next() {
    for (int axis = depth - 1; axis >= 0; axis--) {
      offset += strides[axis];
      if (++index[axis] < sizes[axis]) return;
      offset -= strides[axis] * sizes[axis];
      index[axis] = 0;
    }
  }
};

struct ReducePlan {
  ReduceWalk kept, reduced;  // without the last axis
  int64_t width = 1, total = 1;
  bool lastIsReduced = true;

  explicit ReducePlan(const ReduceArgs& a) {
    int64_t strides[kReduceAxes], step = 1;
    for (int axis = a.axisCount - 1; axis >= 0; axis--) strides[axis] = step, step *= a.sizes[axis];
    for (int axis = 0; axis < a.axisCount; axis++) {
      const bool isReduced = a.reduced >> axis & 1;
      if (isReduced) total *= a.sizes[axis];
      if (axis + 1 == a.axisCount) width = a.sizes[axis], lastIsReduced = isReduced;
      else (isReduced ? reduced : kept).add(a.sizes[axis], strides[axis]);
    }
  }
};

HENCE_INLINE F finishReduce(ReduceKind kind, F sum, F shift, double total) {
  switch (kind) {
    case ReduceKind::Mean: return sum / set1(float(total));
    case ReduceKind::L2: return sqrt(sum);
    case ReduceKind::LogSum: return log(sum);
    case ReduceKind::LogSumExp: return log(sum) + shift;
    default: return sum;
  }
}

// A shift that is not finite would make every difference NaN.
HENCE_INLINE float finiteShift(float largest) { return largest - largest == 0 ? largest : 0.0f; }

template <ReduceJoin Join, ReduceTerm Term> void reduceRuns(const ReduceArgs& a, ReducePlan& p, const Thread& t) {
  using R = Reducer<Join, Term>;
  const Range share = t.share(p.kept.count);
  p.kept.moveTo(share.begin);
  for (int64_t i = share.begin; i < share.end; i++, p.kept.next()) {
    const float* x = a.x + p.kept.offset;
    float shift = 0;
    auto each = [&](auto reducer, double result) {
      p.reduced.moveTo(0);
      for (int64_t r = 0; r < p.reduced.count; r++, p.reduced.next()) result = reducer.run(x + p.reduced.offset, p.width, shift, result);
      return result;
    };
    if constexpr (Term == ReduceTerm::Exp) shift = finiteShift(float(each(Reducer<ReduceJoin::Max, ReduceTerm::Plain>(), -__builtin_inf())));
    const double sum = each(R(), R::kInitial);
    switch (a.kind) {
      case ReduceKind::Mean: a.y[i] = float(sum / double(p.total)); break;
      case ReduceKind::L2: a.y[i] = float(__builtin_sqrt(sum)); break;
      case ReduceKind::LogSum: a.y[i] = float(__builtin_log(sum)); break;
      case ReduceKind::LogSumExp: a.y[i] = float(__builtin_log(sum) + shift); break;
      default: a.y[i] = float(sum);
    }
  }
}

// N vectors of columns, of which the last may be partial.
template <ReduceJoin Join, ReduceTerm Term, int N> HENCE_INLINE void reduceColumns(const float* x, ReduceWalk& rows, int last, const F* shift, F* total) {
  using R = Reducer<Join, Term>;
  HENCE_UNROLL for (int n = 0; n < N; n++) total[n] = set1(R::kInitial);
  rows.moveTo(0);
  for (int64_t done = 0; done < rows.count;) {
    const int64_t end = done + kReduceRows < rows.count ? done + kReduceRows : rows.count;
    F sums[N];
    HENCE_UNROLL for (int n = 0; n < N; n++) sums[n] = set1(R::kInitial);
    while (done < end) {  // the last axis of the walk is stepped through without counting
      const int inner = rows.depth - 1;
      const int64_t left = rows.depth ? rows.sizes[inner] - rows.index[inner] : 1;
      const int64_t m = left < end - done ? left : end - done, step = rows.depth ? rows.strides[inner] : 0;
      const float* row = x + rows.offset;
      for (int64_t i = 0; i < m; i++, row += step) {
        HENCE_UNROLL for (int n = 0; n + 1 < N; n++) sums[n] = R::add(sums[n], load(row + 16 * n), shift[n]);
        sums[N - 1] = R::add(sums[N - 1], last == 16 ? load(row + 16 * (N - 1)) : loadPartial(row + 16 * (N - 1), last), shift[N - 1]);
      }
      done += m;
      if (rows.depth == 0) continue;
      rows.index[inner] += m - 1, rows.offset += (m - 1) * step;
      rows.next();
    }
    HENCE_UNROLL for (int n = 0; n < N; n++) total[n] = R::join(total[n], sums[n]);
  }
}

template <ReduceJoin Join, ReduceTerm Term> void reduceRows(const ReduceArgs& a, ReducePlan& p, const Thread& t) {
  constexpr int64_t kBlock = 16 * kReduceColumns;
  const int64_t blocks = (p.width + kBlock - 1) / kBlock;
  const Range share = t.share(p.kept.count * blocks);
  for (int64_t at = share.begin; at < share.end; at++) {
    const int64_t outer = at / blocks, column = at % blocks * kBlock;
    p.kept.moveTo(outer);
    const float* x = a.x + p.kept.offset + column;
    float* y = a.y + outer * p.width + column;
    auto run = [&]<int N>(int last) {
      F shift[N], total[N];
      for (int n = 0; n < N; n++) shift[n] = zero();
      if constexpr (Term == ReduceTerm::Exp) {
        reduceColumns<ReduceJoin::Max, ReduceTerm::Plain, N>(x, p.reduced, last, shift, total);
        for (int n = 0; n < N; n++) shift[n] = selectLess(abs(total[n]), set1(__builtin_inff()), total[n], zero());
      }
      reduceColumns<Join, Term, N>(x, p.reduced, last, shift, total);
      for (int n = 0; n < N; n++) {
        const F v = finishReduce(a.kind, total[n], shift[n], double(p.total));
        if (n + 1 < N || last == 16) store(y + 16 * n, v);
        else storePartial(y + 16 * n, v, last);
      }
    };
    int64_t left = p.width - column;
    if (left >= kBlock) run.template operator()<kReduceColumns>(16);
    else
      for (; left > 0; left -= 16, x += 16, y += 16) run.template operator()<1>(left < 16 ? int(left) : 16);
  }
}

inline void reduce(const ReduceArgs& a, const Thread& t) {
  ReducePlan p(a);
  auto run = [&]<ReduceJoin Join, ReduceTerm Term>() { p.lastIsReduced ? reduceRuns<Join, Term>(a, p, t) : reduceRows<Join, Term>(a, p, t); };
  switch (a.kind) {
    case ReduceKind::Sum: case ReduceKind::Mean: case ReduceKind::LogSum: return run.template operator()<ReduceJoin::Sum, ReduceTerm::Plain>();
    case ReduceKind::SumSquare: case ReduceKind::L2: return run.template operator()<ReduceJoin::Sum, ReduceTerm::Square>();
    case ReduceKind::L1: return run.template operator()<ReduceJoin::Sum, ReduceTerm::Abs>();
    case ReduceKind::LogSumExp: return run.template operator()<ReduceJoin::Sum, ReduceTerm::Exp>();
    case ReduceKind::Max: return run.template operator()<ReduceJoin::Max, ReduceTerm::Plain>();
    case ReduceKind::Min: return run.template operator()<ReduceJoin::Min, ReduceTerm::Plain>();
    case ReduceKind::Prod: return run.template operator()<ReduceJoin::Prod, ReduceTerm::Plain>();
  }
}

}  // namespace hence::HENCE_TARGET

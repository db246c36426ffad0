// Products in which groups of rows meet a matrix each: the experts of a mixture. Experts with few rows, as in decoding, share
// one pass in which every thread reads its part of all their weights, each once; the others are matmuls of their own.
#pragma once
#include "matmul.h"

namespace hence::HENCE_TARGET {

// The product of one expert.
HENCE_INLINE MatmulArgs expertProduct(const GroupedMatmulArgs& g, int expert) {
  MatmulArgs a = g.product;
  const int64_t first = g.groups[expert];
  a.rows = g.groups[expert + 1] - first;
  a.x += first * a.k;
  if (a.residual) a.residual += first * g.n[0];
  for (int i = 0; i < a.count; i++) {
    a.w[i].data += size_t(expert * panelCount(g.n[i])) * panelBytes(a.w[i].layout, a.k);
    a.w[i].n = g.n[i];
    if (a.bias[i]) a.bias[i] += int64_t(expert) * g.n[i];
    a.y[i] += first * g.n[i];
  }
  return a;
}

// Most rows of an expert that takes part in the shared pass.
HENCE_INLINE int fewRowsLimit(const MatmulArgs& product) {
  for (int i = 0; i < product.count; i++)
    if (isExactly(product, i)) return kExactUnpackedRows;
  return kMaxFewRows;
}

HENCE_INLINE size_t fewExpertsBytes(int64_t rows, int64_t k, int experts) {
  const int64_t most = int64_t(experts) * kMaxFewRows, rounded = 2 * rows < most ? 2 * rows : most;
  return roundUp64(size_t(rounded * groupsOf(k)) * 60);
}

static size_t groupedMatmulWorkspace(int64_t rows, int64_t k, int64_t n, int experts, int threads) {
  const size_t few = fewExpertsBytes(rows, k, experts), many = matmulWorkspace(rows, k, n, threads);
  return few > many ? few : many;
}

// The panels of all experts with few rows, laid end to end and shared as in PanelWalk: threads in pairs, one from the beginning
// of the pair's share, the other from its end, until they meet.
class ExpertWalk {
 public:
  struct Place {
    int expert, matrix;
    int64_t panel;
    int64_t ordinal;  // of the expert among those of the walk
  };

  HENCE_INLINE ExpertWalk(const GroupedMatmulArgs& g, int limit, const Thread& thread) : g_(g), limit_(limit), thread_(thread) {
    for (int i = 0; i < g.product.count; i++) perExpert_ += panelCount(g.n[i]);
    int64_t experts = 0;
    for (int e = 0; e < g.experts; e++) experts += isIncluded(e);
    const int64_t panels = experts * perExpert_;
    const int pair = thread.index & ~1, last = pair + 2 < thread.count ? pair + 2 : thread.count;
    isPaired_ = pair + 1 < thread.count;
    isForward_ = thread.index == pair;
    begin_ = panels * pair / thread.count;
    end_ = panels * last / thread.count;
    upcoming_ = isForward_ ? Place{-1, 0, 0, -1} : Place{g.experts, 0, 0, experts};
    look();
  }

  HENCE_INLINE bool isIncluded(int expert) const {
    const int32_t rows = g_.groups[expert + 1] - g_.groups[expert];
    return rows > 0 && rows <= limit_;
  }

  // The next panel of this thread; false when the share is done.
  HENCE_INLINE bool next() {
    const int64_t count = end_ - begin_;
    if (taken_ >= count || (isPaired_ && thread_.claim() >= count)) return false;
    now = upcoming_;
    taken_++;
    look();
    return true;
  }

  // Where the panel after the current one lies, whether or not this thread will get it; null at the end of the share.
  HENCE_INLINE const uint8_t* ahead() const {
    if (taken_ >= end_ - begin_) return nullptr;
    const PackedMatrix& w = g_.product.w[upcoming_.matrix];
    return w.data + size_t(upcoming_.expert * panelCount(g_.n[upcoming_.matrix]) + upcoming_.panel) * panelBytes(w.layout, w.k);
  }

  Place now{};

 private:
  HENCE_INLINE void look() {
    if (taken_ >= end_ - begin_) return;
    const int64_t index = isForward_ ? begin_ + taken_ : end_ - 1 - taken_, ordinal = index / perExpert_;
    for (; upcoming_.ordinal < ordinal; upcoming_.ordinal++)
      do upcoming_.expert++; while (!isIncluded(upcoming_.expert));
    for (; upcoming_.ordinal > ordinal; upcoming_.ordinal--)
      do upcoming_.expert--; while (!isIncluded(upcoming_.expert));
    int64_t panel = index % perExpert_;
    for (upcoming_.matrix = 0; panel >= panelCount(g_.n[upcoming_.matrix]); upcoming_.matrix++) panel -= panelCount(g_.n[upcoming_.matrix]);
    upcoming_.panel = panel;
  }

  const GroupedMatmulArgs& g_;
  const int limit_;
  const Thread& thread_;
  int64_t perExpert_ = 0, begin_, end_, taken_ = 0;
  bool isPaired_, isForward_;
  Place upcoming_;
};

// Quantised rows of the experts of a walk, one expert after the other, each in the smallest chunk that holds its rows.
class ExpertRows {
 public:
  ExpertRows(const GroupedMatmulArgs& g) : g_(g), groups_(groupsOf(g.product.k)) {
    for (int i = 0; i < g.product.count; i++) halves_ |= !isExactly(g.product, i) && traitsOf(g.product.w[i].layout).groupK == 16;
  }
  HENCE_INLINE int chunk(int expert) const { return roundUpToPower(g_.groups[expert + 1] - g_.groups[expert]); }
  HENCE_INLINE QuantisedRows at(int64_t rowsBefore, int chunk) const {
    QuantisedRows rows{g_.product.workspace, groups_, chunk, halves_};
    rows.data += size_t(rowsBefore * groups_) * size_t(rows.rowBytes());
    return rows;
  }
  HENCE_INLINE Range share(const Thread& thread) const { return thread.share(groups_); }

 private:
  const GroupedMatmulArgs& g_;
  const int64_t groups_;
  bool halves_ = false;
};

static __attribute__((noinline)) void fewRowsOfExperts(const GroupedMatmulArgs& g, int limit, const Thread& thread) {
  const MatmulArgs& product = g.product;
  const ExpertRows quantised(g);
  ExpertWalk walk(g, limit, thread);
  bool quantises = false;
  for (int i = 0; i < product.count; i++) quantises |= !isExactly(product, i);
  if (quantises) {
    int64_t before = 0;
    for (int e = 0; e < g.experts; e++) {
      if (!walk.isIncluded(e)) continue;
      const int chunk = quantised.chunk(e);
      const int64_t first = g.groups[e];
      quantiseRows(product.x + first * product.k, g.groups[e + 1] - first, product.k, quantised.at(before, chunk), quantised.share(thread));
      before += chunk;
    }
    thread.barrier();
  }
  MatmulArgs expert{};
  QuantisedRows rows{};
  FewRowsPanel panelProduct = nullptr;
  int preparedExpert = -1, preparedMatrix = -1;
  alignas(64) float sums[kMaxFewRows * kPanelColumns];
  while (walk.next()) {
    const int matrix = walk.now.matrix;
    const bool exactly = isExactly(product, matrix);
    if (preparedExpert != walk.now.expert) {
      preparedExpert = walk.now.expert, preparedMatrix = -1;
      expert = expertProduct(g, preparedExpert);
      int64_t before = 0;
      for (int e = 0; e < preparedExpert; e++) before += walk.isIncluded(e) ? quantised.chunk(e) : 0;
      rows = quantised.at(before, quantised.chunk(preparedExpert));
    }
    const PackedMatrix& w = expert.w[matrix];
    const Output out = outputOf(expert, matrix);
    if (exactly) {
      exactRows(w, {expert.x, expert.rows, expert.k, kSliceK}, out, {walk.now.panel, walk.now.panel + 1}, {0, expert.rows}, sums);
      continue;
    }
    if (preparedMatrix != matrix) {
      preparedMatrix = matrix;
      withIntegerLayout(w.layout, [&]<Layout L>() { panelProduct = fewRowsPanelFor<L>(rows.chunk); });
    }
    panelProduct(panelData(w, walk.now.panel), walk.ahead(), unitCount(w.layout, w.k), rows.data, rows.rowBytes(), sums);
    for (int r = 0; r < expert.rows; r++) finishColumns(out, r, walk.now.panel * kPanelColumns, load(sums + r * kPanelColumns));
  }
}

static void groupedMatmul(const GroupedMatmulArgs& g, const Thread& thread) {
  const int limit = fewRowsLimit(g.product);
  fewRowsOfExperts(g, limit, thread);
  for (int e = 0; e < g.experts; e++) {
    if (g.groups[e + 1] - g.groups[e] <= limit) continue;
    thread.barrier();  // the workspace is still in use
    matmul(expertProduct(g, e), thread);
  }
}

}  // namespace hence::HENCE_TARGET

// Who computes which panel of several matrices that share their rows of x. Threads come in pairs: one takes panels from the
// beginning of the pair's share, the other from its end, until they meet. Each reads one stream and both finish together,
// however unevenly they run.
#pragma once
#include "../layouts.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

class PanelWalk {
 public:
  // `included(i)`: whether matrix i takes part. All threads of the region have met at a barrier since the last walk.
  template <class Included> HENCE_INLINE PanelWalk(const MatmulArgs& args, const Thread& thread, const Included& included) : args_(args), thread_(thread) {
    for (int i = 0; i < args.count; i++) firsts_[i + 1] = firsts_[i] + (included(i) ? panelCount(args.w[i].n) : 0);
    const int pair = thread.index & ~1;
    isPaired_ = pair + 1 < thread.count;
    isForward_ = thread.index == pair;
    begin_ = cut(pair);
    end_ = cut(isPaired_ ? pair + 2 : pair + 1);
  }

  // The next panel of this thread; false when the share is done.
  HENCE_INLINE bool next() {
    const int64_t count = end_ - begin_;
    if (taken_ >= count || (isPaired_ && thread_.claim() >= count)) return false;
    at(taken_++, matrix, panel);
    return true;
  }

  // Where the panel after the current one lies, whether or not this thread will get it; null at the end of the share.
  HENCE_INLINE const uint8_t* ahead() const {
    if (taken_ >= end_ - begin_) return nullptr;
    int m;
    int64_t p;
    at(taken_, m, p);
    return panelData(args_.w[m], p);
  }

  // The byte at `offset` of what this thread reads, were it to get every panel; null beyond its share.
  HENCE_INLINE const uint8_t* byteAt(int64_t offset) const {
    const int64_t bytes = int64_t(panelBytes(args_.w[0].layout, args_.k)), turn = offset / bytes;
    if (turn >= end_ - begin_) return nullptr;
    int m;
    int64_t p;
    at(turn, m, p);
    return panelData(args_.w[m], p) + offset % bytes;
  }

  int matrix = 0;
  int64_t panel = 0;

 private:
  HENCE_INLINE void at(int64_t turn, int& m, int64_t& p) const {
    const int64_t index = isForward_ ? begin_ + turn : end_ - 1 - turn;
    m = 0;
    while (firsts_[m + 1] <= index) m++;
    p = index - firsts_[m];
  }

  // The panel at which part `part` of the bytes begins.
  HENCE_INLINE int64_t cut(int part) const {
    if (part == 0) return 0;
    if (part >= thread_.count) return firsts_[args_.count];
    int64_t total = 0;
    for (int i = 0; i < args_.count; i++) total += bytesOf(i);
    int64_t left = total * part / thread_.count;
    for (int i = 0; i < args_.count; i++) {
      if (left < bytesOf(i)) return firsts_[i] + left / int64_t(panelBytes(args_.w[i].layout, args_.k));
      left -= bytesOf(i);
    }
    return firsts_[args_.count];
  }
  HENCE_INLINE int64_t bytesOf(int i) const { return (firsts_[i + 1] - firsts_[i]) * int64_t(panelBytes(args_.w[i].layout, args_.k)); }

  const MatmulArgs& args_;
  const Thread& thread_;
  int64_t firsts_[kMaxFusedWeights + 1] = {};
  int64_t begin_, end_, taken_ = 0;
  bool isPaired_, isForward_;
};

}  // namespace hence::HENCE_TARGET

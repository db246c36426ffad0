// Which panels of which matrix a thread computes: the bytes of all fused matrices, laid end to end, cut into equal
// parts, so that every thread reads one contiguous stream per matrix and they finish together.
#pragma once
#include "../layouts.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

// `granule`: panels that stay together.
HENCE_INLINE Range panelShare(const MatmulArgs& args, int matrix, const Thread& thread, int granule) {
  int64_t total = 0, before = 0;
  for (int i = 0; i < args.count; i++) {
    const int64_t bytes = panelCount(args.w[i].n) * int64_t(panelBytes(args.w[i].layout, args.k));
    if (i < matrix) before += bytes;
    total += bytes;
  }
  const int64_t panels = panelCount(args.w[matrix].n);
  const int64_t step = granule * int64_t(panelBytes(args.w[matrix].layout, args.k));
  auto cut = [&](int part) {
    const int64_t bytes = total * part / thread.count - before;
    const int64_t panel = bytes <= 0 ? 0 : (bytes + step / 2) / step * granule;
    return panel < panels && part < thread.count ? panel : panels;
  };
  const int64_t begin = thread.index == 0 ? 0 : cut(thread.index);
  return {begin, cut(thread.index + 1)};
}

// Calls body.operator()<L>() with the layout as a constant, among the quantised layouts.
template <class Body> HENCE_INLINE void withIntegerLayout(Layout layout, const Body& body) {
  switch (layout) {
    case Layout::I8: return body.template operator()<Layout::I8>();
    case Layout::I8Min: return body.template operator()<Layout::I8Min>();
    case Layout::I4: return body.template operator()<Layout::I4>();
    case Layout::I4Min: return body.template operator()<Layout::I4Min>();
    case Layout::I6: return body.template operator()<Layout::I6>();
    case Layout::I6Min: return body.template operator()<Layout::I6Min>();
    case Layout::I4Super32: return body.template operator()<Layout::I4Super32>();
    case Layout::I6Super32: return body.template operator()<Layout::I6Super32>();
    case Layout::I4Super16Min: return body.template operator()<Layout::I4Super16Min>();
    case Layout::I4Super16: return body.template operator()<Layout::I4Super16>();
    case Layout::I6Super16: return body.template operator()<Layout::I6Super16>();
    case Layout::I8Super16: return body.template operator()<Layout::I8Super16>();
    case Layout::F32: case Layout::F16: case Layout::BF16: case Layout::S8: case Layout::Count: return;
  }
}

template <class Body> HENCE_INLINE void withLayout(Layout layout, const Body& body) {
  switch (layout) {
    case Layout::F32: return body.template operator()<Layout::F32>();
    case Layout::F16: return body.template operator()<Layout::F16>();
    case Layout::BF16: return body.template operator()<Layout::BF16>();
    default: return withIntegerLayout(layout, body);
  }
}

}  // namespace hence::HENCE_TARGET

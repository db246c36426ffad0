// Which taps of a window lie inside an image.
#pragma once
#include "../kernels.h"

namespace hence::HENCE_TARGET {

// The taps along one axis, `dilation` apart from `first` on, that lie in 0..size: [begin, end) of `taps`.
HENCE_INLINE Range tapsInside(int64_t first, int64_t dilation, int64_t taps, int64_t size) {
  const int64_t begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
  const int64_t end = first < size ? (size - first + dilation - 1) / dilation : 0;
  const int64_t last = end < taps ? end : taps;
  return {begin, last < begin ? begin : last};
}

}  // namespace hence::HENCE_TARGET

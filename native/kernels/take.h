// Slices of a tensor by index along an axis, as plain bytes. Indices are data and may be anything.
#pragma once
#include "copy.h"

namespace hence::HENCE_TARGET {

inline void take(const TakeArgs& a, const Thread& t) {
  const Range range = t.share(a.outer * a.count);
  for (int64_t at = range.begin; at < range.end; at++) {
    const int64_t id = a.ids[at % a.count], row = id < 0 ? id + a.size : id;
    uint8_t* y = a.y + at * a.rowBytes;
    if (row < 0 || row >= a.size) {
      std::memset(y, 0, size_t(a.rowBytes));
      continue;
    }
    const uint8_t* x = a.x + (at / a.count * a.size + row) * a.rowBytes;
    if (a.rowBytes == 4) std::memcpy(y, x, 4);
    else copyRun<uint8_t>(y, x, a.rowBytes);
  }
}

}  // namespace hence::HENCE_TARGET

// Rows of a table by index, as plain bytes.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

inline void gatherRows(const GatherRowsArgs& a, const Thread& t) {
  Range rows = t.share(a.rows);
  for (int64_t row = rows.begin; row < rows.end; row++)
    std::memcpy(a.y + row * a.rowBytes, a.table + a.ids[row] * a.rowBytes, size_t(a.rowBytes));
}

}  // namespace hence::HENCE_TARGET

// Rows of a packed table in f32.
#pragma once
#include "../pack.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

static void gather(const GatherArgs& args, const Thread& thread) {
  const Range rows = thread.share(args.rows);
  for (int64_t i = rows.begin; i < rows.end; i++) unpackRow(args.table, args.ids[i], args.y + i * args.table.k);
}

}  // namespace hence::HENCE_TARGET

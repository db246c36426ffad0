// Products of byte matrices.
#pragma once
#include "bytes-blocks.h"

namespace hence::HENCE_TARGET {

static size_t quantisedMatmulWorkspace(const QuantisedMatmulArgs& args, int threads) { return ByteBlock(args.rows, args.k, args.isSigned).workspace(threads); }

static void quantisedMatmul(const QuantisedMatmulArgs& args, const Thread& thread) {
  if (args.rows == 0) return;
  multiplyByteRows(args, args.w, 0, args.n, args.x, thread, [&](int64_t row, ByteForm form, uint8_t*, uint8_t* to) HENCE_INLINE_LAMBDA {
    packByteRow(args.x + row * args.k, args.k, form, to);
  });
}

}  // namespace hence::HENCE_TARGET

// Convolutions: the method was chosen, and the weights laid out for it, when the program was made
// (src/backends/native/conv-plan.ts). Precision `fast` computes in f32 too.
#pragma once
#include "conv-dense.h"
#include "conv-depthwise.h"
#include "conv-direct.h"
#include "conv-lanes.h"
#include "conv-winograd.h"

namespace hence::HENCE_TARGET {

HENCE_INLINE bool isDepthwise(const ConvArgs& args) { return args.groups == args.n && args.groups == args.window.channels; }

static size_t convWorkspace(const ConvArgs& args, int threads) {
  switch (args.method) {
    case ConvMethod::Lanes: return isDepthwise(args) ? 0 : size_t(threads) * ((lanesThreadBytes(args) + 63) / 64 * 64);
    case ConvMethod::Winograd: return winogradWorkspace(args, threads);
    default: return suitsDirect(args) ? directWorkspace(args) : denseWorkspace(args, threads);
  }
}

static void conv(const ConvArgs& args, const Thread& thread) {
  if (pixelCount(args.window) == 0) return;
  switch (args.method) {
    case ConvMethod::Lanes: return isDepthwise(args) ? convDepthwise(args, thread) : convLanes(args, thread);
    case ConvMethod::Winograd: return convWinograd(args, thread);
    default: return suitsDirect(args) ? convDirect(args, thread) : convDense(args, thread);
  }
}

}  // namespace hence::HENCE_TARGET

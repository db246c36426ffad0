// Transposed convolution without overlapping sums: the pixels of y that lie equally far from a multiple of the strides
// (a phase) see the same taps, so each phase is a convolution of x with a part of the filters, and its rows go to every
// stride-th pixel of y. Phases take turns within a block of pixels, while these are in cache.
#pragma once
#include "conv-dense.h"

namespace hence::HENCE_TARGET {

// One phase along one axis: pixels of y from `first` on, `count` of them, and the window over x they see.
struct PhaseAxis {
  int64_t first, count, pad;
  int32_t taps, dilation;
};

// Taps t with t · dilation ≡ phase (mod stride), which see x[(y + pad − t · dilation) / stride]; the last tap comes first.
HENCE_INLINE PhaseAxis phaseAxis(int64_t phase, int64_t stride, int64_t dilation, int64_t kernel, int64_t pad, int64_t size) {
  PhaseAxis p{};
  p.first = ((phase - pad) % stride + stride) % stride;
  p.count = p.first < size ? (size - p.first + stride - 1) / stride : 0;
  int64_t last = 0, before = -1;
  for (int64_t t = 0; t < kernel; t++) {
    if (t * dilation % stride != phase) continue;
    if (p.taps > 0) p.dilation = int32_t((t - before) * dilation / stride);
    before = last = t;
    p.taps++;
  }
  if (p.taps <= 1) p.dilation = 1;
  p.pad = -((p.first + pad - last * dilation) / stride);  // exact: both are of this phase
  return p;
}

struct TransposePhase {
  WindowShape window;
  int64_t firstPixel, k, weights;  // of y; taps times channels; floats into the packed weights
};

// Phase `index` of a transposed convolution; `weights` is moved past what it uses.
HENCE_INLINE TransposePhase phaseOf(const ConvTransposeArgs& args, int64_t index, int64_t& weights) {
  const WindowShape& w = args.window;
  const PhaseAxis down = phaseAxis(index / w.strideWidth, w.strideHeight, w.dilationHeight, w.kernelHeight, w.padTop, w.outHeight);
  const PhaseAxis across = phaseAxis(index % w.strideWidth, w.strideWidth, w.dilationWidth, w.kernelWidth, w.padLeft, w.outWidth);
  TransposePhase p{w, down.first * w.outWidth + across.first, int64_t(down.taps) * across.taps * (w.channels / args.groups), weights};
  p.window.outHeight = down.count, p.window.outWidth = across.count;
  p.window.kernelHeight = down.taps, p.window.kernelWidth = across.taps;
  p.window.strideHeight = p.window.strideWidth = 1;
  p.window.padTop = int32_t(down.pad), p.window.padLeft = int32_t(across.pad);
  p.window.dilationHeight = down.dilation, p.window.dilationWidth = across.dilation;
  weights += (p.k + 31) / 32 * 32 * panelCount(args.n / args.groups) * args.groups * kPanelColumns;
  return p;
}

HENCE_INLINE int64_t phaseCount(const ConvTransposeArgs& args) { return int64_t(args.window.strideHeight) * args.window.strideWidth; }

// The largest phase decides about blocks and memory.
struct TransposeSizes { int64_t pixels = 0, k = 1, blockRows = 0; };
HENCE_INLINE TransposeSizes transposeSizes(const ConvTransposeArgs& args) {
  TransposeSizes s;
  int64_t weights = 0;
  for (int64_t i = 0; i < phaseCount(args); i++) {
    const TransposePhase p = phaseOf(args, i, weights);
    s.pixels = pixelCount(p.window) > s.pixels ? pixelCount(p.window) : s.pixels;
    s.k = p.k > s.k ? p.k : s.k;
  }
  s.blockRows = rowsPerBlock(s.pixels, s.k, false);
  return s;
}

HENCE_INLINE size_t transposeRowsFloats(const TransposeSizes& s) { return size_t(SliceShape{s.k, s.blockRows}.floats()) + 16; }

static size_t convTransposeWorkspace(const ConvTransposeArgs& args, int threads) {
  return size_t(threads) * (transposeRowsFloats(transposeSizes(args)) * 4 + kExactThreadBytes);
}

HENCE_INLINE bool seesSame(const WindowShape& a, const WindowShape& b) {
  return a.outHeight == b.outHeight && a.outWidth == b.outWidth && a.kernelHeight == b.kernelHeight && a.kernelWidth == b.kernelWidth &&
         a.padTop == b.padTop && a.padLeft == b.padLeft;
}

// Pixels that no tap reaches hold the bias alone.
static __attribute__((noinline)) void finishEmpty(const Output& out, Range panels, int64_t rows) {
  alignas(64) static const float kZeros[kFinishRows * kPanelColumns] = {};
  for (int64_t r = 0; r < rows; r += kFinishRows)
    for (int64_t p = panels.begin; p < panels.end; p++)
      finishRows(out, r, rows - r < kFinishRows ? rows - r : kFinishRows, p * kPanelColumns, kZeros);
}

static void convTranspose(const ConvTransposeArgs& args, const Thread& thread) {
  const WindowShape& w = args.window;
  if (w.batch * w.outHeight * w.outWidth == 0) return;
  const TransposeSizes sizes = transposeSizes(args);
  const int64_t filters = args.n / args.groups, depth = w.channels / args.groups, panels = panelCount(filters);
  const Team team = teamFor(sizes.pixels, panels, kPanelColumns, 2 * kExactRows, thread);
  const size_t rowFloats = transposeRowsFloats(sizes);
  float* packed = (float*)args.workspace + size_t(team.part) * rowFloats;
  float* partial = (float*)(args.workspace + size_t(thread.count) * rowFloats * 4 + size_t(thread.index) * kExactThreadBytes);
  const int64_t blocks = (cut(sizes.pixels, kExactRows, team.parts - 1, team.parts).size() + 2 * kExactRows + sizes.blockRows - 1) / sizes.blockRows;
  const Range mine = cut(panels, 1, team.member, team.size);
  for (int64_t g = 0; g < args.groups; g++)
    for (int64_t b = 0; b < blocks; b++) {
      int64_t weights = 0;
      WindowShape packedFor{};
      for (int64_t index = 0; index < phaseCount(args); index++) {
        const TransposePhase p = phaseOf(args, index, weights);
        const Range part = cut(pixelCount(p.window), kExactRows, team.part, team.parts);
        const int64_t first = part.begin + b * sizes.blockRows, left = part.end - first;
        const int64_t rows = left < 0 || team.idle ? 0 : left < sizes.blockRows ? left : sizes.blockRows;
        const SliceShape shape{p.k, rows};
        const bool packs = p.k > 0 && !seesSame(p.window, packedFor);
        if (packs) {
          if (team.size > 1) thread.barrier();  // the rows of the last phase are still read
          if (rows > 0) packPixels(p.window, args.x, g * depth, depth, first, cut(rows, 1, team.member, team.size), shape, packed);
          packedFor = p.window;
          if (team.size > 1) thread.barrier();
        }
        if (rows == 0) continue;
        Output out{args.y + p.firstPixel * args.n + g * filters, args.bias ? args.bias + g * filters : nullptr, nullptr, filters, w.strideWidth * int64_t(args.n), args.finish};
        out.lines = {first, p.window.outWidth, w.strideHeight * w.outWidth * args.n, p.window.outHeight, w.outHeight * w.outWidth * args.n};
        if (p.k == 0) {
          finishEmpty(out, mine, rows);
          continue;
        }
        PackedMatrix matrix = args.w;
        matrix.n = int32_t(filters), matrix.k = int32_t(p.k);
        matrix.data += (size_t(p.weights) + size_t(g * panels) * size_t((p.k + 31) / 32 * 32) * kPanelColumns) * 4;
        exactRows(matrix, shape.over(packed), out, mine, {0, rows}, partial);
      }
      if (team.size > 1) thread.barrier();
    }
}

}  // namespace hence::HENCE_TARGET

// Matrix products of activations with packed weights: which kernel runs, where its intermediate data lie, who computes
// what. Rows are taken in blocks, so that the workspace stays small however many there are.
#pragma once
#include "matmul-few.h"
#include "matmul-gather.h"
#include "matmul-prefill-int8.h"
#include "matmul-prefill.h"
#include "matmul-probe.h"
#include "matmul-rows.h"
#include "quantise-rows.h"

namespace hence::HENCE_TARGET {

constexpr int64_t kBlockRows = 1024;

HENCE_INLINE size_t roundUp64(size_t bytes) { return (bytes + 63) / 64 * 64; }

#if HENCE_AMX
constexpr int64_t kPrefillMinRows = 32;  // from here on whole tiles win
constexpr size_t kThreadBytes = kPrefillThreadBytes > kExactThreadBytes ? kPrefillThreadBytes : kExactThreadBytes;
HENCE_INLINE size_t tilesBytes(int64_t rows, int64_t k) {
  const size_t int8 = roundUp64(int8RowsBytes(rows, k)), bf16 = rowTilesBytes(rows, k);
  return int8 > bf16 ? int8 : bf16;
}
#else
constexpr size_t kThreadBytes = kExactThreadBytes;
HENCE_INLINE size_t tilesBytes(int64_t, int64_t) { return 0; }
#endif

// Bytes shared by all threads, in front of their own: row tiles, or quantised rows.
HENCE_INLINE size_t quantisedBytes(int64_t rows, int64_t k) { return roundUp64(size_t((rows + 15) / 16 * 16 * groupsOf(k)) * 60); }
HENCE_INLINE size_t sharedBytes(int64_t rows, int64_t k) {
  const size_t plain = quantisedBytes(rows, k), tiles = tilesBytes(rows, k);
  return plain > tiles ? plain : tiles;
}

static size_t matmulWorkspace(int64_t rows, int64_t k, int64_t, int threads) {
  const size_t blocks = sharedBytes(rows < kBlockRows ? rows : kBlockRows, k) + size_t(threads) * (kThreadBytes + 64);
  const size_t product = roundUp64(rowsProductWorkspace(rows, k, threads));
  return blocks > product ? blocks : product;
}

#if HENCE_AMX
// Packs this thread's rows for int8 tiles. True, on every thread, when all rows of all threads suit them.
HENCE_INLINE bool packInt8(const MatmulArgs& args, const Thread& thread, Range rowTiles, float* crests) {
  float crest = 0;
  for (int64_t i = rowTiles.begin; i < rowTiles.end; i++) {
    const float c = packRowTileInt8(args.x, args.rows, args.k, i, args.workspace);
    crest = c > crest ? c : crest;
  }
  crests[thread.index * 16] = crest;
  thread.barrier();
  for (int i = 0; i < thread.count; i++)
    if (crests[i * 16] > kLargestCrest) return false;
  return true;
}

HENCE_INLINE void prefill(const MatmulArgs& args, const Thread& thread, uint8_t* own, float* crests) {
  bool useInt8 = true;
  for (int i = 0; i < args.count; i++) useInt8 &= suitsInt8(args.w[i].layout);
  const Range rowTiles = thread.share((args.rows + 15) / 16);
  useInt8 = useInt8 && packInt8(args, thread, rowTiles, crests);
  if (!useInt8) {
    for (int64_t i = rowTiles.begin; i < rowTiles.end; i++) packRowTile(args.x, args.rows, args.k, i, args.workspace);
    thread.barrier();
  }
  const auto run = useInt8 ? prefillRowsInt8 : prefillRows;
  configureFullTiles();
  for (int i = 0; i < args.count; i++) run(args.w[i], args.workspace, args.rows, outputOf(args, i), panelShare(args, i, thread, 2), own);
  _tile_release();
}
#endif

HENCE_INLINE bool isExactly(const MatmulArgs& args, int i) { return args.precision == Precision::Exact || isFloat(args.w[i].layout); }

#if HENCE_AMX
HENCE_INLINE bool usesTiles(const MatmulArgs& args) { return args.precision == Precision::Fast && args.rows >= kPrefillMinRows; }
#else
HENCE_INLINE bool usesTiles(const MatmulArgs&) { return false; }
#endif

// The matrices of a matmul that are multiplied in f32.
static __attribute__((noinline)) void matmulExactly(const MatmulArgs& args, const Thread& thread) {
  RowsProduct product{args.rows, args.k, suitsInPlace(args.k) ? args.x : nullptr, 0, {}, {}};
  for (int i = 0; i < args.count; i++) {
    if (!isExactly(args, i)) continue;
    if (args.rows <= kExactUnpackedRows) {
      float* partial = (float*)(args.workspace + size_t(thread.index) * kExactThreadBytes);
      exactRows(args.w[i], {args.x, args.rows, args.k, kSliceK}, outputOf(args, i), panelShare(args, i, thread, 1), {0, args.rows}, partial);
    } else {
      product.w[product.count] = args.w[i];
      product.out[product.count++] = outputOf(args, i);
    }
  }
  const auto pack = [&](int64_t first, Range range, const SliceShape& shape, float* to) { packSlices(args.x, first, range, shape, to); };
  if (product.count > 0) multiplyRows(product, pack, args.workspace, thread);
}

// The others: rows quantised to 8 bits.
static void matmulQuantised(const MatmulArgs& args, const Thread& thread) {
  const int64_t rows = args.rows, k = args.k;
  bool allGroups32 = true;
  QuantisedRows quantised{args.workspace, groupsOf(k), kMaxFewRows, false};
  for (int i = 0; i < args.count; i++) {
    if (isExactly(args, i)) continue;
    const bool halves = traitsOf(args.w[i].layout).groupK == 16;
    allGroups32 &= !halves;
    quantised.halves |= halves;
  }
#if HENCE_AMX
  const bool useTiles = allGroups32 && rows > kMaxFewRows;
  if (useTiles) quantised.chunk = kAmxFewRows, configureFewRowsTiles();
#endif
  quantiseRows(args.x, rows, k, quantised, thread.share(quantised.groups));
  thread.barrier();
  PanelWalk walk(args, thread, [&](int i) { return !isExactly(args, i); });
  fewRows(args, quantised, walk);
#if HENCE_AMX
  if (useTiles) _tile_release();
#endif
}

// Calls body with blocks of at most `most` rows.
template <class Body> HENCE_INLINE void inBlocks(const MatmulArgs& args, int64_t most, const Thread& thread, const Body& body) {
  for (int64_t row = 0; row < args.rows; row += most) {
    MatmulArgs block = args;
    block.rows = args.rows - row < most ? args.rows - row : most;
    block.x += row * args.k;
    for (int i = 0; i < args.count; i++) block.y[i] += row * args.w[i].n;
    if (block.residual) block.residual += row * args.w[0].n;
    if (row > 0) thread.barrier();  // the workspace is still in use
    body(block);
  }
}

static const uint8_t* matmulStream(const MatmulArgs& args, const Thread& thread, int64_t offset) {
  if (args.rows > kMaxFewRows || isExactly(args, 0)) return nullptr;
  return PanelWalk(args, thread, [&](int i) { return !isExactly(args, i); }).byteAt(offset);
}

static void matmul(const MatmulArgs& args, const Thread& thread) {
#if HENCE_AMX
  if (usesTiles(args)) {
    inBlocks(args, kBlockRows, thread, [&](const MatmulArgs& block) {
      uint8_t* own = block.workspace + sharedBytes(block.rows, block.k);
      prefill(block, thread, own + size_t(thread.index) * kThreadBytes, (float*)(own + size_t(thread.count) * kThreadBytes));
    });
    return;
  }
#endif
  int exact = 0;
  for (int i = 0; i < args.count; i++) exact += isExactly(args, i);
  if (exact > 0) matmulExactly(args, thread);
  if (exact == args.count) return;
  if (exact > 0) thread.barrier();
  const int64_t most = cachedRows(args.k);
  inBlocks(args, most < kBlockRows ? most : kBlockRows, thread, [&](const MatmulArgs& block) { matmulQuantised(block, thread); });
}

}  // namespace hence::HENCE_TARGET

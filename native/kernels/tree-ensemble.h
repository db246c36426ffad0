// Rows of features through an ensemble of trees. Eight walks go on side by side, so that while one waits for its node the
// others move: eight rows through one tree, or of a single row eight trees. Which way a walk turns is a number added to
// the slot, not a branch. A leaf leads to itself, so a walk that has arrived may go on until all have.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

constexpr int kWalks = 8;
constexpr int kLevelsPerLook = 4;

// The bits of f32 as integers in the order of the numbers: zeros are one, NaN is least or greatest as its column says.
HENCE_INLINE int32_t treeKey(float x, bool missingLeft) {
  int32_t b;
  std::memcpy(&b, &x, 4);
  const int32_t magnitude = b & 0x7fffffff, ordered = magnitude == 0 ? 0 : b ^ int32_t(uint32_t(b >> 31) & 0x7fffffff);
  return magnitude > 0x7f800000 ? (missingLeft ? INT32_MIN : INT32_MAX) : ordered;
}

// Nodes of one tree: the key in the low half; above it the left child's slot over the column.
class TreeWalks {
 public:
  TreeWalks(const TreeEnsembleArgs& a) : bits_(uint32_t(a.columnBits)), mask_((1u << a.columnBits) - 1) {}

  // From the roots to the leaves. Walk w is in tree nodes[Trees ? w : 0] and has the key of column c at keys[c · Stride + w].
  template <bool Trees, int Stride> HENCE_INLINE void run(const uint64_t* const* nodes, const int32_t* keys, int depth, uint32_t (&at)[kWalks]) const {
#pragma GCC unroll 8
    for (int w = 0; w < kWalks; w++) at[w] = 1;
    for (int level = 0; level < depth;) {
      const int stop = depth - level < kLevelsPerLook ? depth : level + kLevelsPerLook;
      uint32_t moved = 0;
      for (; level < stop; level++) {
        moved = 0;
#pragma GCC unroll 8
        for (int w = 0; w < kWalks; w++) {
          const uint64_t node = nodes[Trees ? w : 0][at[w]];
          const uint32_t word = uint32_t(node >> 32);
          const int32_t key = keys[(word & mask_) * Stride + (Stride == 1 ? 0 : w)];
          const uint32_t next = (word >> bits_) + uint32_t(key > int32_t(uint32_t(node)));
          moved |= next ^ at[w];
          at[w] = next;
        }
      }
      if (moved == 0) break;
    }
  }

 private:
  const uint32_t bits_, mask_;
};

HENCE_INLINE void addVotes(const TreeEnsembleArgs& a, int64_t slot, double* sums) {
  const int32_t end = a.voteStarts[slot + 1];
  for (int32_t vote = a.voteStarts[slot]; vote < end; vote++) sums[a.voteTargets[vote]] += double(a.voteWeights[vote]);
}

// Rows whose keys stay in the first cache beside a tree.
HENCE_INLINE int64_t treeBlockRows(int64_t columns) {
  const int64_t rows = 8192 / (columns < 1 ? 1 : columns) / kWalks * kWalks;
  return rows < kWalks ? kWalks : rows > 256 ? 256 : rows;
}

inline size_t treeEnsembleWorkspace(int32_t columns, int32_t targets, int threads) {
  const size_t bytes = size_t(treeBlockRows(columns)) * (size_t(columns) * 4 + size_t(targets) * 8);
  return (bytes + 64) / 64 * 64 * size_t(threads);
}

// Sums begin as -0, which adding any vote changes: targets without votes can be told.
HENCE_INLINE void finishTreeSums(const TreeEnsembleArgs& a, const double* sums, int64_t count, float* y) {
  for (int64_t i = 0; i < count; i++) y[i] = float(sums[i] * a.scale + (a.bases ? double(a.bases[i % a.targets]) : -0.0));
}

inline void treeRow(const TreeEnsembleArgs& a, int32_t* keys, double* sums) {
  const TreeWalks walks(a);
  for (int c = 0; c < a.columns; c++) keys[c] = treeKey(a.x[a.columnFeatures[c] >> 1], a.columnFeatures[c] & 1);
  for (int i = 0; i < a.targets; i++) sums[i] = -0.0;
  for (int first = 0; first < a.trees; first += kWalks) {
    const uint64_t* nodes[kWalks];
    int depth = 0;
    for (int w = 0; w < kWalks; w++) {
      const int32_t* tree = a.treeStarts + 2 * (first + w < a.trees ? first + w : first);
      nodes[w] = a.nodes + tree[0];
      depth = tree[1] > depth ? tree[1] : depth;
    }
    uint32_t at[kWalks];
    walks.run<true, 1>(nodes, keys, depth, at);
    for (int w = 0; w < kWalks && first + w < a.trees; w++) addVotes(a, (nodes[w] - a.nodes) + at[w], sums);
  }
  finishTreeSums(a, sums, a.targets, a.y);
}

inline void treeEnsemble(const TreeEnsembleArgs& a, const Thread& t) {
  const int64_t most = treeBlockRows(a.columns);
  uint8_t* const own = a.workspace + treeEnsembleWorkspace(a.columns, a.targets, 1) * size_t(t.index);
  double* const sums = reinterpret_cast<double*>(own);
  int32_t* const keys = reinterpret_cast<int32_t*>(sums + most * a.targets);
  if (a.rows == 1) {
    if (t.index == 0) treeRow(a, keys, sums);
    return;
  }
  const TreeWalks walks(a);
  const Range share = t.share(a.rows);
  for (int64_t first = share.begin; first < share.end; first += most) {
    const int64_t rows = share.end - first < most ? share.end - first : most, groups = (rows + kWalks - 1) / kWalks;
    for (int64_t row = 0; row < groups * kWalks; row++) {
      const float* x = a.x + (first + (row < rows ? row : rows - 1)) * a.features;
      int32_t* to = keys + row / kWalks * a.columns * kWalks + row % kWalks;
      for (int c = 0; c < a.columns; c++) to[c * kWalks] = treeKey(x[a.columnFeatures[c] >> 1], a.columnFeatures[c] & 1);
    }
    for (int64_t i = 0; i < rows * a.targets; i++) sums[i] = -0.0;
    for (int tree = 0; tree < a.trees; tree++) {
      const int64_t start = a.treeStarts[2 * tree];
      const int depth = a.treeStarts[2 * tree + 1];
      const uint64_t* nodes = a.nodes + start;
      for (int64_t group = 0; group < groups; group++) {
        uint32_t at[kWalks];
        walks.run<false, kWalks>(&nodes, keys + group * a.columns * kWalks, depth, at);
        const int64_t left = rows - group * kWalks;
        double* into = sums + group * kWalks * a.targets;
        if (left >= kWalks)
#pragma GCC unroll 8
          for (int w = 0; w < kWalks; w++) addVotes(a, start + at[w], into + w * a.targets);
        else
          for (int w = 0; w < left; w++) addVotes(a, start + at[w], into + w * a.targets);
      }
    }
    finishTreeSums(a, sums, rows * a.targets, a.y + first * a.targets);
  }
}

}  // namespace hence::HENCE_TARGET

// Walks an encoded program. The encoding is made and checked in TypeScript (src/backends/native/encode.ts): per
// instruction an opcode, the number of operand words, and the words. A word is a buffer index, a dim index (into the
// values bound at each run), an index into the float table, or a plain number.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "kernels.h"
#include "region.h"

namespace hence {

enum class Opcode : uint32_t {
  Matmul, Gather, GatherRows, Norm, RotaryTable, Rope, KvWrite, Attention, Map, Softmax, Argmax,
  Copy, Reduce,
  Conv, Pool,
  BatchedMatmul, Take, DenseAttention,
  ConvTranspose, Resize, GroupNorm, Extreme, TopK, Cumulative,
  QuantisedMatmul, QuantisedConv,
  Recurrent, TreeEnsemble,
  RaggedAttention,
  GroupedMatmul, Route, ScatterAdd,
  SelectiveScan, CausalConv,
  Count,
};

constexpr uint32_t kNone = 0xffffffff;

struct Program {
  std::vector<uint32_t> words;
  std::vector<float> floats;
  std::vector<uint8_t*> buffers;       // by buffer index; dense data
  std::vector<PackedMatrix> matrices;  // by matrix index; packed weights
  std::vector<std::shared_ptr<Region>> regions;  // what buffers and matrices point into
  std::vector<int32_t> limits;         // largest value of each dim
  Precision precision;
  int64_t maxContext = 0;              // longest sequence attention can meet, in tokens
  std::shared_ptr<Region> workspace;
  std::vector<size_t> matmuls;         // where in `words` the matmuls are, ascending


  // Checks every index of every instruction and sizes the workspace. False when an instruction is malformed.
  bool prepare(const Kernels& kernels, int threads);
  // How many instructions the words [begin, end) are.
  size_t instructionCount(size_t begin, size_t end) const;
};

// One run of the words [begin, end).
struct Walk {
  size_t begin, end;
  const int32_t* dims;
  const std::atomic<bool>& stop;        // set from outside to end the walk after the current instruction
  double* seconds = nullptr;            // where thread 0 notes what each instruction took, or null
  std::atomic<size_t> stopAt{SIZE_MAX}; // the instruction thread 0 decided to end at
};

// Called by every thread of a region.
void execute(const Program& program, const Kernels& kernels, Walk& walk, const Thread& thread);

}  // namespace hence

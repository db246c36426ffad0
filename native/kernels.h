// The contract between the executor and the kernels. Every instruction set fills one `Kernels` table from the same
// sources. All arguments were checked in TypeScript; kernels trust them. Every thread of a region calls the kernel with
// the same arguments; a kernel works on its share and may use barriers inside, the executor puts one after it.
// Activations are dense row-major f32 unless said otherwise.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pool.h"

namespace hence {

enum class Precision : uint32_t { Exact, Fast };
enum class Activation : uint32_t { None, Relu, Silu, Gelu, GeluTanh, Sigmoid, Tanh, HardSwish, HardSigmoid, Clip, LeakyRelu, Count };
enum class KvType : uint32_t { F32, F16, BF16, I8 };  // element type of KV pools
enum class NormKind : uint32_t { Rms, Layer };
enum class RopeStyle : uint32_t { Half, Interleaved };

// How a packed matrix lies in memory; see layouts.h.
enum class Layout : uint32_t {
  F32, F16, BF16,
  I8, I8Min,            // 8-bit, f16 scale (and minimum) per 32
  I4, I4Min,            // 4-bit, the same
  I6, I6Min,            // 6-bit, the same
  I4Super32, I6Super32, // f16 scale and minimum per 256 times u8 scale and minimum per 32 (Q4_K, Q5_K)
  I4Super16Min,         // the same per 16 (Q2_K)
  I4Super16, I6Super16, I8Super16,  // f16 scale per 256 times i8 scale per 16, no minimum (Q3_K, Q6_K, IQ4_XS)
  S8,                   // whole numbers -128 .. 127
  Count,
};

// W[n, k], packed; a linear layer computes y = x · Wᵀ.
struct PackedMatrix {
  const uint8_t* data;
  Layout layout;
  int32_t n, k;
};

constexpr int kMaxFusedWeights = 4;

// What happens to a finished sum: y = residual + activation(sum), or activation(sum + residual).
struct Finish {
  Activation activation;
  float a, b;  // slope and offset of HardSigmoid, bounds of Clip, slope of LeakyRelu
  bool residualFirst;
};

// y[i] = residual + activation(x · w[i]ᵀ + bias[i]) for every i < count: several matrices share one x (q, k, v; gate, up).
struct MatmulArgs {
  const float* x;  // [rows, k]
  int64_t rows;
  int32_t k;
  int32_t count;
  PackedMatrix w[kMaxFusedWeights];
  const float* bias[kMaxFusedWeights];  // [n] or null
  float* y[kMaxFusedWeights];           // [rows, n]
  const float* residual;                // [rows, n] or null; only with count == 1; may be y[0] itself
  Finish finish;
  Precision precision;
  uint8_t* workspace;  // at least matmulWorkspace() bytes, 64-byte aligned, shared by all threads
};

// The same for groups of rows: rows groups[e] .. groups[e+1] meet expert e. Of every matrix w[i] the experts follow each other, each
// in whole panels; bias[i] is [experts, n[i]].
struct GroupedMatmulArgs {
  MatmulArgs product;      // w[i].n: of all experts; workspace: at least groupedMatmulWorkspace() bytes
  const int32_t* groups;   // [experts + 1], ascending from 0 to the number of rows
  int32_t experts;
  int32_t n[kMaxFusedWeights];  // columns of one expert
};

// Where a window moves over images: x [batch, height, width, channels], positions [batch, outHeight, outWidth].
struct WindowShape {
  int64_t batch, height, width, outHeight, outWidth;
  int32_t channels, kernelHeight, kernelWidth, strideHeight, strideWidth, padTop, padLeft, dilationHeight, dilationWidth;
};

enum class ConvMethod : uint32_t {
  Dense,     // matrix product; w: per group ceil16(n / groups) columns of k = kernelHeight * kernelWidth * channels / groups
  Lanes,     // at most 8 filters per group; w: one panel of k = blocks * kernelHeight * kernelWidth * channels / groups
  Winograd,  // 3x3, stride 1, one group; w: 36 times ceil16(n) columns of k = channels
  Count,
};

// y = convolution of x with w + bias, residual and activation; columns that fill up panels are zero in w.
struct ConvArgs {
  WindowShape window;
  const float* x;
  PackedMatrix w;         // F32
  const float* bias;      // [n] or null
  const float* residual;  // as y, or null; may be y
  float* y;               // [batch, outHeight, outWidth, n]
  int32_t n, groups;
  ConvMethod method;
  Finish finish;
  Precision precision;
  uint8_t* workspace;  // at least convWorkspace() bytes, 64-byte aligned, shared by all threads
};

// y = transposed convolution of x with w + bias and activation. The window is that of the convolution from y to x, with the
// sizes of x as `height` and `width`. w holds 16 rows: for every phase (stride height, then stride width), group and panel
// of 16 filters the taps of the phase, the last one first, times channels, filled up to 32.
struct ConvTransposeArgs {
  WindowShape window;
  const float* x;
  PackedMatrix w;     // F32
  const float* bias;  // [n] or null
  float* y;           // [batch, outHeight, outWidth, n]
  int32_t n, groups;
  Finish finish;
  uint8_t* workspace;  // at least convTransposeWorkspace() bytes, 64-byte aligned, shared by all threads
};

// Numbers as bytes: real = scale · (byte - zero). One scale and zero point for all, or one each.
struct ByteGrid {
  const float *scale, *zero;  // whole zero points; null: 0
  bool manyScales, manyZeros;
};

// y = residual + activation(Σ (x - zero)(w - zero) · scales + bias) with sums that are exact.
struct QuantisedMatmulArgs {
  const uint8_t* x;  // [rows, k]
  bool isSigned;     // bytes of x are -128 .. 127
  int64_t rows;
  int32_t k, n;
  PackedMatrix w;       // S8
  int32_t weightShift;  // the weights' zero points are for numbers that much larger than those of w
  ByteGrid xGrid, weightGrid;  // per row, per column
  const float* bias;      // [n] or null
  const float* residual;  // as y, or null
  float* y;               // [rows, n]
  Finish finish;
  uint8_t* workspace;  // at least quantisedMatmulWorkspace() bytes, 64-byte aligned, shared by all threads
};

// The same over windows; pixels beyond the image are x's zero point. w is that of ConvMethod::Dense in S8, or in F32 that of
// ConvMethod::Lanes for one filter a channel.
struct QuantisedConvArgs {
  QuantisedMatmulArgs product;  // without rows and k
  WindowShape window;
  int32_t groups;
};

enum class PoolKind : uint32_t { Max, Average, AverageWithPads };

struct PoolArgs {
  WindowShape window;
  const float* x;
  float* y;  // [batch, outHeight, outWidth, channels]
  int32_t padBottom, padRight;
  PoolKind kind;
};

// y[b, i, j] = Σ rowWeights[i, s] · columnWeights[j, t] · x[b, rows[i, s], columns[j, t]]; without weights, which both tables
// have or lack, the one pixel that [i] and [j] name.
struct ResizeArgs {
  const float* x;        // [batch, height, width, channels]
  const int32_t* rows;   // [outHeight, rowTaps], each inside the image
  const float* rowWeights;
  const int32_t* columns;
  const float* columnWeights;
  float* y;              // [batch, outHeight, outWidth, channels]
  int64_t batch, height, width, outHeight, outWidth, channels;
  int32_t rowTaps, columnTaps;
  uint8_t* workspace;    // at least resizeWorkspace() bytes
};

// y = (x - mean) / √(variance + epsilon) · weight + bias with moments over the pixels and a group's channels of each image.
struct GroupNormArgs {
  const float* x;               // [batch, pixels, channels]
  const float *weight, *bias;   // [channels] or null
  float* y;                     // may be x
  int64_t batch, pixels, channels;
  int32_t groups;
  float epsilon;
  uint8_t* workspace;  // at least groupNormWorkspace() bytes
};

struct ExtremeArgs {  // y[o, i] = index of the largest or smallest of x[o, ·, i], the first among equals unless `last`
  const float* x;     // [outer, size, inner], size at least 1
  int32_t* y;
  int64_t outer, size, inner;
  bool smallest, last;
};

struct TopKArgs {  // the k largest or smallest numbers of each row, in order, and where they are
  const float* x;  // [rows, width]
  float* values;   // [rows, k]
  int32_t* indices;
  int64_t rows, width, k;
  bool smallest;
  uint8_t* workspace;  // at least topKWorkspace() bytes
};

struct CumulativeArgs {  // sums (or products) of x[o, 0 .. s, i], or of those after where `reverse`
  const float* x;        // [outer, size, inner]
  float* y;
  int64_t outer, size, inner;
  bool product, exclusive, reverse;
};

struct GatherArgs {  // y[i] = table row ids[i], widened to f32
  PackedMatrix table;
  const int32_t* ids;  // [rows]
  float* y;            // [rows, table.k]
  int64_t rows;
};

struct GatherRowsArgs {  // the same from plain memory of any element size
  const uint8_t* table;
  const int32_t* ids;  // [rows]
  uint8_t* y;          // [rows, rowBytes]
  int64_t rows, rowBytes;
};

// Every token's best experts. Pairs of token and expert are sorted by expert, then by token.
struct RouteArgs {
  const float* logits;  // [tokens, experts]
  int32_t* rows;        // [tokens * perToken]: the token of each pair
  float* weights;       // [tokens * perToken]: softmax over all experts, or over the chosen ones where `normalize`
  int32_t* groups;      // [experts + 1]: the first pair of each expert
  int64_t tokens;
  int32_t experts, perToken;
  bool normalize;
  uint8_t* workspace;   // at least routeWorkspace() bytes
};

struct ScatterAddArgs {  // y = base, then y[rows[i]] += weights[i] · x[i]
  const float* x;        // [count, width]
  const int32_t* rows;   // [count]
  const float* weights;  // [count]
  const float* base;     // [tokens, width]
  float* y;              // [tokens, width], not base
  int64_t count, tokens, width;
};

// State that ragged sequences carry from token to token. Sequence s owns tokens queryStarts[s] .. queryStarts[s+1], the newest at
// position contextLengths[s] - 1; its state lies in slot slots[s] of the pool. After token t the state is also kept in slot
// snapshots[t], where that is not negative.
struct StateArgs {
  const int32_t *queryStarts, *contextLengths, *slots, *snapshots;
  float* pool;
  int64_t sequences, channels;
};

struct SelectiveScanArgs {
  StateArgs state;        // slots of channels * stateSize numbers
  const float *x, *dt;    // [tokens, channels]
  PackedMatrix a;         // F32 [channels, stateSize]
  const float *b, *c;     // [tokens, stateSize]
  const float* d;         // [channels]
  const float* gate;      // [tokens, channels] or null
  float* y;               // [tokens, channels]
  int32_t stateSize;
  bool isLogarithm;       // a holds log(-a)
  uint8_t* workspace;     // at least selectiveScanWorkspace() bytes, 64-byte aligned
};

constexpr int kMaxCausalTaps = 64;
struct CausalConvArgs {
  StateArgs state;                // slots of (taps - 1) * channels numbers
  const float* x;                 // [tokens, channels]
  PackedMatrix w;                 // F32 [channels, taps]
  const float* bias;              // [channels] or null
  const float *before, *after;    // [tokens, channels] or null: what x and the result are multiplied by
  float* y;                       // [tokens, channels]
  int32_t taps;                   // 2 .. kMaxCausalTaps
  bool isSilu;
};

struct NormArgs {
  const float *x, *weight, *bias;  // [rows, width], [width], [width] or null
  float* y;
  int64_t rows, width;
  float epsilon;
  NormKind kind;
};

struct RotaryTableArgs {  // y[t] = cos(p·f) then sin(p·f), each `half` long, times scale
  const int32_t* positions;  // [tokens]
  const float* frequencies;  // [half]
  float* y;                  // [tokens, 2 * half]
  int64_t tokens;
  int32_t half;
  float scale;
};

struct RopeArgs {
  const float* x;      // [tokens, heads * headDim]
  const float* table;  // [tokens, 2 * half] from RotaryTable
  float* y;            // may be x
  int64_t tokens;
  int32_t heads, headDim, half;  // the first 2 * half numbers of a head turn, the rest is copied
  RopeStyle style;               // Half pairs (i, i + half); Interleaved pairs (2i, 2i + 1)
};

// A KV pool is an array of blocks of kKvBlockTokens tokens. Physical layout, chosen so that a vector is 16 tokens of one
// key dimension, or 16 dimensions of one value:
//   key block   [kvHeads][headDim][16 tokens]
//   value block [kvHeads][16 tokens][headDim]
// In an I8 pool the numbers of each head are behind the f32 scales of its 16 tokens; a number is its byte times the scale.
// Slot s of a token is block s / 16, place s % 16.
constexpr int kKvBlockTokens = 16;

constexpr int64_t kvElementBytes(KvType type) { return type == KvType::F32 ? 4 : type == KvType::I8 ? 1 : 2; }
constexpr int64_t kvScaleBytes(KvType type) { return type == KvType::I8 ? kKvBlockTokens * int64_t(sizeof(float)) : 0; }
// Of one head in a block, scales included.
constexpr int64_t kvHeadBytes(KvType type, int32_t headDim) { return kvScaleBytes(type) + int64_t(kKvBlockTokens) * headDim * kvElementBytes(type); }

struct KvWriteArgs {
  const float *key, *value;  // [tokens, kvHeads * headDim]
  const int32_t* slots;      // [tokens]
  uint8_t *keyPool, *valuePool;
  int64_t tokens;
  int32_t kvHeads, headDim;
  KvType type;
};

// Causal attention of ragged sequences over paged keys and values. Sequence s owns queries queryStarts[s] ..
// queryStarts[s+1]; its newest query sits at position contextLengths[s] - 1, the others directly before it. Its keys
// are contextLengths[s] tokens in blocks[blockStarts[s] ..]. Query at position p sees keys max(0, p - window + 1) .. p.
struct AttentionArgs {
  const float* query;  // [tokens, heads * headDim]
  const uint8_t *keyPool, *valuePool;
  const int32_t* queryStarts;     // [sequences + 1]
  const int32_t* contextLengths;  // [sequences]
  const int32_t* blockStarts;     // [sequences + 1]
  const int32_t* blocks;
  float* y;  // [tokens, heads * headDim]
  int64_t tokens, sequences;
  int32_t heads, kvHeads, headDim;
  float scale;
  float softcap;   // 0: none; else scores = softcap * tanh(scores / softcap)
  bool causal;     // else a query sees all keys of its sequence
  int32_t window;  // 0: none
  const float* relativeBias;  // [heads, 2 reach + 1] or null: added to scores by key position - query position, clamped to the reach
  int32_t reach;
  const float* sinks;  // [heads] or null: one extra score per head that takes probability but has no value
  KvType type;
  Precision precision;
  uint8_t* workspace;  // at least attentionWorkspace() bytes, shared by all threads
};

// An elementwise expression in postfix form, run strip by strip. Each word is opcode | operand << 8. Arithmetic is f32.
enum class MapOp : uint32_t {
  Input, Constant,  // push input[operand] or constants[operand]
  Where,            // condition, a, b: a where the condition is not 0
  Add, Sub, Mul, Div, Min, Max, Pow, Fmod, Less, LessEqual, Equal,
  Neg, Abs, Sqrt, Exp, Log, Tanh, Sigmoid, Erf, Floor, Ceil, Round, Sign, Reciprocal, Expm1, Softplus,
  Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh,
  Relu, Silu, Gelu, GeluTanh,
  Count,
};
enum class ElementType : uint32_t { F32, I32, U8, I64, I8 };
constexpr int kMaxMapInputs = 8;
constexpr int kMaxMapDepth = 8;
constexpr int kMapAxes = 8;

struct MapArgs {
  const void* inputs[kMaxMapInputs];
  uint32_t axes[kMaxMapInputs];  // bit a: the input has axis a; it repeats along the others
  ElementType types[kMaxMapInputs];
  const float* constants;
  const uint32_t* code;
  int32_t codeLength, inputCount, axisCount;
  int64_t sizes[kMapAxes];  // of y
  void* y;                  // may be an f32 input with all axes
  ElementType type;
};

// One part of a copy: y[outputs · i] = x[inputs · i] for every index i of a shape whose leading axes may have size 1.
// Strides are in elements, those of y not negative; without x every element becomes `fill`.
constexpr int kCopyAxes = 6;
struct CopyArgs {
  const uint8_t* x;  // of the first element read, or null
  uint8_t* y;        // of the first element written
  uint64_t fill;     // the element's bits
  int32_t elementBytes;
  int64_t sizes[kCopyAxes], inputs[kCopyAxes], outputs[kCopyAxes];
};

enum class ReduceKind : uint32_t { Sum, Mean, Max, Min, Prod, SumSquare, L1, L2, LogSum, LogSumExp };
constexpr int kReduceAxes = 8;

struct ReduceArgs {
  const float* x;
  float* y;  // [kept axes]
  ReduceKind kind;
  uint32_t reduced;  // bit a: axis a is reduced
  int32_t axisCount;
  int64_t sizes[kReduceAxes];
};

// y = scale · a · b + addend for every index of the batch axes. Of an operand's batch axes those with a bit in its mask
// are there; it repeats along the others.
constexpr int kBatchAxes = 6;
struct BatchedMatmulArgs {
  const float* a;       // [batch, m, k]
  const float* b;       // [batch, k, n], or [batch, n, k] when transposed
  const float* addend;  // [batch, m or 1, n or 1] or null
  float* y;             // [batch, m, n]
  int64_t m, k, n;
  float scale;
  bool transposed, addendRows, addendColumns;
  uint32_t aAxes, bAxes, addendAxes;
  int32_t batchAxes;
  int64_t sizes[kBatchAxes];
  uint8_t* workspace;  // at least batchedMatmulWorkspace() bytes, 64-byte aligned
};

struct DenseStrides { int64_t batch, head, row; };  // in elements; numbers of a row are contiguous

// softmax(scale · q · kᵀ + mask) · v per head; heads in a row share a key head.
struct DenseAttentionArgs {
  const float *query, *key, *value;
  const float* mask;  // rows of `keys` numbers, or null
  float* y;
  int64_t batch, queries, keys;
  int32_t heads, kvHeads, headDim, valueDim;
  float scale;
  int64_t causal;  // query i sees keys 0 .. i + causal; all when negative
  DenseStrides queryStrides, keyStrides, valueStrides, maskStrides, yStrides;
  uint8_t* workspace;  // at least denseAttentionWorkspace() bytes, 64-byte aligned
};

// Attention of sequences that lie one after the other. Sequence s owns queries queryStarts[s] .. queryStarts[s+1] and keys
// keyStarts[s] .. keyStarts[s+1]; its last query stands at the position of its last key.
struct RaggedAttentionArgs {
  const float *query, *key, *value;  // [queries, heads * headDim], [keys, kvHeads * headDim], [keys, kvHeads * valueDim]
  const int32_t *queryStarts, *keyStarts;  // [sequences + 1]
  const float* bias;  // [heads, 2 * reach + 1] by distance of key and query, or null
  float* y;           // [queries, heads * valueDim]
  int64_t sequences, mostKeys;  // mostKeys: of all sequences together, as the workspace was sized
  int32_t heads, kvHeads, headDim, valueDim;
  bool causal;
  int64_t window;  // keys at most this far to both sides; all when negative
  int64_t reach;   // greatest distance with a bias of its own
  float scale, softcap;  // softcap 0: none
  uint8_t* workspace;  // at least raggedAttentionWorkspace() bytes, 64-byte aligned
};

enum class RecurrentKind : uint32_t { Lstm, Gru, Rnn };
enum class GateKind : uint32_t { Relu, Tanh, Sigmoid, Softsign, Softplus, Affine, LeakyRelu, ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Count };
struct GateFunction {
  GateKind kind;
  float a, b;
};

// All steps of one direction. Rows of r: per gate ceil16(hidden) columns of k = hidden.
struct RecurrentArgs {
  const float* x;             // [time, batch, gates, hidden], biases included
  PackedMatrix r;
  const float* hiddenBias;    // [hidden] or null
  const float* initialState;  // [batch, hidden] or null
  const float* initialCell;   // [batch, hidden] or null
  const float* peepholes;     // [3, hidden] or null
  const int32_t* lengths;     // [batch] or null; any numbers
  float* y;                   // [time, batch, hidden]
  float* last;                // [batch, hidden]
  float* c;                   // [batch, hidden] or null
  int64_t time, batch;
  int32_t hidden;
  RecurrentKind kind;
  bool reversed, linearBeforeReset, coupled;
  float clip;
  GateFunction functions[3];
  float* scaled;  // workspace: [batch, hidden]
};
constexpr int gatesOf(RecurrentKind kind) { return kind == RecurrentKind::Lstm ? 4 : kind == RecurrentKind::Gru ? 3 : 1; }

// Sums of the votes of trees; see src/program/ops/tree-ensemble.ts for the tables.
struct TreeEnsembleArgs {
  const float* x;  // [rows, features]
  const uint64_t* nodes;
  const int32_t* treeStarts;      // [trees, 2]: first slot, greatest depth
  const int32_t* columnFeatures;  // [columns]
  const int32_t *voteStarts, *voteTargets;
  const float* voteWeights;
  const float* bases;  // [targets] or null
  float* y;            // [rows, targets]
  int64_t rows, features;
  int32_t trees, columns, columnBits, targets;
  double scale;
  uint8_t* workspace;  // at least treeEnsembleWorkspace() bytes, 64-byte aligned
};

struct TakeArgs {  // y[o, i] = x[o, ids[i]]; negative ids count from the end, zeros where there is no such slice
  const uint8_t* x;    // [outer, size, rowBytes]
  const int32_t* ids;  // [count]
  uint8_t* y;          // [outer, count, rowBytes]
  int64_t outer, size, count, rowBytes;
};

struct SoftmaxArgs {
  const float* x;
  float* y;
  int64_t rows, width;
  int64_t inner = 1;  // distance between the numbers of one sum: x is [rows, width, inner]
};

struct ArgmaxArgs {  // index of the largest value of each row, the first among equals
  const float* x;
  int32_t* y;
  int64_t rows, width;
};

struct Kernels {
  const char* name;
  void (*matmul)(const MatmulArgs&, const Thread&);
  // Bytes of workspace for up to `rows` rows of width k into matrices of at most n columns.
  size_t (*matmulWorkspace)(int64_t rows, int64_t k, int64_t n, int threads);
  // Roughly the byte at `offset` of the weights this thread is going to read; null where fetching it early gains nothing.
  const uint8_t* (*matmulStream)(const MatmulArgs&, const Thread&, int64_t offset);
  void (*conv)(const ConvArgs&, const Thread&);
  size_t (*convWorkspace)(const ConvArgs&, int threads);
  void (*quantisedMatmul)(const QuantisedMatmulArgs&, const Thread&);
  size_t (*quantisedMatmulWorkspace)(const QuantisedMatmulArgs&, int threads);
  void (*quantisedConv)(const QuantisedConvArgs&, const Thread&);
  size_t (*quantisedConvWorkspace)(const QuantisedConvArgs&, int threads);
  void (*gather)(const GatherArgs&, const Thread&);
  void (*gatherRows)(const GatherRowsArgs&, const Thread&);
  void (*norm)(const NormArgs&, const Thread&);
  void (*rotaryTable)(const RotaryTableArgs&, const Thread&);
  void (*rope)(const RopeArgs&, const Thread&);
  void (*kvWrite)(const KvWriteArgs&, const Thread&);
  void (*attention)(const AttentionArgs&, const Thread&);
  size_t (*attentionWorkspace)(int64_t tokens, int64_t sequences, int32_t heads, int32_t headDim, int64_t maxContext, int threads);
  void (*map)(const MapArgs&, const Thread&);
  void (*softmax)(const SoftmaxArgs&, const Thread&);
  void (*argmax)(const ArgmaxArgs&, const Thread&);
  void (*copy)(const CopyArgs&, const Thread&);
  void (*reduce)(const ReduceArgs&, const Thread&);
  void (*pool)(const PoolArgs&, const Thread&);
  void (*batchedMatmul)(const BatchedMatmulArgs&, const Thread&);
  size_t (*batchedMatmulWorkspace)(int threads);
  void (*take)(const TakeArgs&, const Thread&);
  void (*denseAttention)(const DenseAttentionArgs&, const Thread&);
  size_t (*denseAttentionWorkspace)(int64_t keys, int32_t headDim, int32_t valueDim, int threads);
  void (*raggedAttention)(const RaggedAttentionArgs&, const Thread&);
  size_t (*raggedAttentionWorkspace)(int64_t mostKeys, int32_t headDim, int32_t valueDim, int threads);
  void (*convTranspose)(const ConvTransposeArgs&, const Thread&);
  size_t (*convTransposeWorkspace)(const ConvTransposeArgs&, int threads);
  void (*resize)(const ResizeArgs&, const Thread&);
  size_t (*resizeWorkspace)(const ResizeArgs&, int threads);
  void (*groupNorm)(const GroupNormArgs&, const Thread&);
  size_t (*groupNormWorkspace)(const GroupNormArgs&, int threads);
  void (*extreme)(const ExtremeArgs&, const Thread&);
  void (*topK)(const TopKArgs&, const Thread&);
  size_t (*topKWorkspace)(int64_t k, int threads);
  void (*cumulative)(const CumulativeArgs&, const Thread&);
  void (*recurrent)(const RecurrentArgs&, const Thread&);
  void (*treeEnsemble)(const TreeEnsembleArgs&, const Thread&);
  size_t (*treeEnsembleWorkspace)(int32_t columns, int32_t targets, int threads);
  void (*groupedMatmul)(const GroupedMatmulArgs&, const Thread&);
  // Of all matrices together n columns, as in matmulWorkspace.
  size_t (*groupedMatmulWorkspace)(int64_t rows, int64_t k, int64_t n, int experts, int threads);
  void (*route)(const RouteArgs&, const Thread&);
  size_t (*routeWorkspace)(int64_t tokens, int32_t perToken, int32_t experts);
  void (*scatterAdd)(const ScatterAddArgs&, const Thread&);
  void (*selectiveScan)(const SelectiveScanArgs&, const Thread&);
  size_t (*selectiveScanWorkspace)(int32_t stateSize, int threads);
  void (*causalConv)(const CausalConvArgs&, const Thread&);
  void (*streamRead)(const uint8_t* data, size_t bytes, const Thread&);  // plain read, for measuring bandwidth
  double (*peakFlops)(Precision, const Thread&);  // one burst of the densest arithmetic; returns operations done by this thread
};

// Tables of the instruction sets compiled in; null where the machine lacks the instructions.
struct Target {
  const char* name;
  bool (*supported)();
  const Kernels* (*kernels)();
};
extern const Target kTargets[];  // best first
extern const int kTargetCount;

}  // namespace hence

#include "executor.h"

#include <chrono>

namespace hence {

namespace {

// Reads the operand words of one instruction in order.
class Operands {
 public:
  Operands(const Program& program, const uint32_t* words, const int32_t* dims) : program_(program), at_(words), dims_(dims) {}

  uint32_t number() { return *at_++; }
  int64_t dim() { return dims_[*at_++]; }
  float real() { return program_.floats[*at_++]; }
  const float* reals() { return &program_.floats[*at_++]; }
  template <class T> T* buffer() {
    const uint32_t index = *at_++;
    return index == kNone ? nullptr : reinterpret_cast<T*>(program_.buffers[index]);
  }
  const PackedMatrix& matrix() { return program_.matrices[*at_++]; }
  const uint32_t* rest() const { return at_; }

 private:
  const Program& program_;
  const uint32_t* at_;
  const int32_t* dims_;
};

Finish finishOf(Operands& o) {
  const Activation activation = Activation(o.number());
  const float a = o.real(), b = o.real();
  return {activation, a, b, o.number() != 0};
}

// That of the program, or the product's own.
Precision precisionOf(Operands& o, const Program& p) {
  const uint32_t own = o.number();
  return own == 1 ? Precision::Fast : own == 2 ? Precision::Exact : p.precision;
}

MatmulArgs matmulArgs(Operands o, const Program& p) {
  MatmulArgs a{};
  a.x = o.buffer<float>();
  a.rows = o.dim();
  a.precision = precisionOf(o, p);
  a.finish = finishOf(o);
  a.residual = o.buffer<float>();
  a.count = int32_t(o.number());
  for (int i = 0; i < a.count; i++) {
    a.w[i] = o.matrix();
    a.bias[i] = o.buffer<float>();
    a.y[i] = o.buffer<float>();
  }
  a.k = a.w[0].k;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

GroupedMatmulArgs groupedMatmulArgs(Operands o, const Program& p) {
  GroupedMatmulArgs g{};
  MatmulArgs& a = g.product;
  a.x = o.buffer<float>();
  g.groups = o.buffer<int32_t>();
  a.rows = o.dim();
  g.experts = int32_t(o.number());
  a.precision = precisionOf(o, p);
  a.finish = finishOf(o);
  a.residual = o.buffer<float>();
  a.count = int32_t(o.number());
  for (int i = 0; i < a.count; i++) {
    a.w[i] = o.matrix();
    a.bias[i] = o.buffer<float>();
    a.y[i] = o.buffer<float>();
    g.n[i] = int32_t(o.number());
  }
  a.k = a.w[0].k;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return g;
}

RouteArgs routeArgs(Operands o, const Program& p) {
  RouteArgs a{};
  a.logits = o.buffer<float>(), a.rows = o.buffer<int32_t>(), a.weights = o.buffer<float>(), a.groups = o.buffer<int32_t>();
  a.tokens = o.dim(), a.experts = int32_t(o.number()), a.perToken = int32_t(o.number()), a.normalize = o.number() != 0;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

StateArgs stateArgs(Operands& o) {
  StateArgs a{};
  a.queryStarts = o.buffer<int32_t>(), a.contextLengths = o.buffer<int32_t>(), a.slots = o.buffer<int32_t>(), a.snapshots = o.buffer<int32_t>();
  a.pool = o.buffer<float>();
  a.sequences = o.dim(), a.channels = int64_t(o.number());
  return a;
}

SelectiveScanArgs selectiveScanArgs(Operands o, const Program& p) {
  SelectiveScanArgs a{};
  a.state = stateArgs(o);
  a.x = o.buffer<float>(), a.dt = o.buffer<float>(), a.a = o.matrix(), a.b = o.buffer<float>(), a.c = o.buffer<float>();
  a.d = o.buffer<float>(), a.gate = o.buffer<float>(), a.y = o.buffer<float>();
  a.stateSize = int32_t(o.number()), a.isLogarithm = o.number() != 0;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

CausalConvArgs causalConvArgs(Operands o) {
  CausalConvArgs a{};
  a.state = stateArgs(o);
  a.x = o.buffer<float>(), a.w = o.matrix(), a.bias = o.buffer<float>(), a.before = o.buffer<float>(), a.after = o.buffer<float>();
  a.y = o.buffer<float>();
  a.taps = int32_t(o.number()), a.isSilu = o.number() != 0;
  return a;
}

// The panels of a matrix of `channels` rows.
bool isPanelsOf(const PackedMatrix& w, int64_t channels, int64_t k) {
  return w.layout == Layout::F32 && w.k == k && w.n == (channels + 15) / 16 * 16;
}

WindowShape windowOf(Operands& o) {
  WindowShape w{};
  w.batch = o.dim(), w.height = o.dim(), w.width = o.dim(), w.outHeight = o.dim(), w.outWidth = o.dim();
  w.channels = int32_t(o.number());
  w.kernelHeight = int32_t(o.number()), w.kernelWidth = int32_t(o.number());
  w.strideHeight = int32_t(o.number()), w.strideWidth = int32_t(o.number());
  w.padTop = int32_t(o.number()), w.padLeft = int32_t(o.number());
  w.dilationHeight = int32_t(o.number()), w.dilationWidth = int32_t(o.number());
  return w;
}

ConvArgs convArgs(Operands o, const Program& p) {
  ConvArgs a{};
  a.x = o.buffer<float>();
  a.w = o.matrix();
  a.bias = o.buffer<float>();
  a.residual = o.buffer<float>();
  a.y = o.buffer<float>();
  a.window = windowOf(o);
  a.n = int32_t(o.number());
  a.groups = int32_t(o.number());
  a.method = ConvMethod(o.number());
  a.finish = finishOf(o);
  a.precision = p.precision;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

QuantisedMatmulArgs quantisedProduct(Operands& o, const Program& p) {
  QuantisedMatmulArgs a{};
  a.x = o.buffer<uint8_t>();
  a.xGrid.scale = o.buffer<float>(), a.xGrid.zero = o.buffer<float>();
  a.w = o.matrix();
  a.weightGrid.scale = o.buffer<float>(), a.weightGrid.zero = o.buffer<float>();
  a.bias = o.buffer<float>(), a.residual = o.buffer<float>(), a.y = o.buffer<float>();
  a.k = a.w.k, a.n = int32_t(o.number());
  const uint32_t flags = o.number();
  a.isSigned = flags & 1, a.weightShift = flags & 2 ? 128 : 0;
  a.xGrid.manyScales = flags & 4, a.xGrid.manyZeros = flags & 8, a.weightGrid.manyScales = flags & 16, a.weightGrid.manyZeros = flags & 32;
  a.finish = finishOf(o);
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

QuantisedMatmulArgs quantisedMatmulArgs(Operands o, const Program& p) {
  QuantisedMatmulArgs a = quantisedProduct(o, p);
  a.rows = o.dim();
  return a;
}

QuantisedConvArgs quantisedConvArgs(Operands o, const Program& p) {
  QuantisedConvArgs a{};
  a.product = quantisedProduct(o, p);
  a.window = windowOf(o);
  a.groups = int32_t(o.number());
  return a;
}

ConvTransposeArgs convTransposeArgs(Operands o, const Program& p) {
  ConvTransposeArgs a{};
  a.x = o.buffer<float>();
  a.w = o.matrix();
  a.bias = o.buffer<float>();
  a.y = o.buffer<float>();
  a.window = windowOf(o);
  a.n = int32_t(o.number());
  a.groups = int32_t(o.number());
  a.finish = finishOf(o);
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

PoolArgs poolArgs(Operands o) {
  PoolArgs a{};
  a.x = o.buffer<float>();
  a.y = o.buffer<float>();
  a.window = windowOf(o);
  a.padBottom = int32_t(o.number());
  a.padRight = int32_t(o.number());
  a.kind = PoolKind(o.number());
  return a;
}

ResizeArgs resizeArgs(Operands o, const Program& p) {
  ResizeArgs a{};
  a.x = o.buffer<float>();
  a.rows = o.buffer<int32_t>(), a.rowWeights = o.buffer<float>(), a.columns = o.buffer<int32_t>(), a.columnWeights = o.buffer<float>();
  a.y = o.buffer<float>();
  a.batch = o.dim(), a.height = o.dim(), a.width = o.dim(), a.outHeight = o.dim(), a.outWidth = o.dim(), a.channels = o.dim();
  a.rowTaps = int32_t(o.number()), a.columnTaps = int32_t(o.number());
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

GroupNormArgs groupNormArgs(Operands o, const Program& p) {
  GroupNormArgs a{};
  a.x = o.buffer<float>(), a.weight = o.buffer<float>(), a.bias = o.buffer<float>(), a.y = o.buffer<float>();
  a.batch = o.dim(), a.pixels = o.dim(), a.channels = o.dim(), a.groups = int32_t(o.number()), a.epsilon = o.real();
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

TopKArgs topKArgs(Operands o, const Program& p) {
  TopKArgs a{};
  a.x = o.buffer<float>(), a.values = o.buffer<float>(), a.indices = o.buffer<int32_t>();
  a.rows = o.dim(), a.width = o.dim(), a.k = o.dim(), a.smallest = o.number() != 0;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

AttentionArgs attentionArgs(Operands o, const Program& p) {
  AttentionArgs a{};
  a.query = o.buffer<float>();
  a.keyPool = o.buffer<uint8_t>();
  a.valuePool = o.buffer<uint8_t>();
  a.queryStarts = o.buffer<int32_t>();
  a.contextLengths = o.buffer<int32_t>();
  a.blockStarts = o.buffer<int32_t>();
  a.blocks = o.buffer<int32_t>();
  a.sinks = o.buffer<float>();
  a.relativeBias = o.buffer<float>();
  a.y = o.buffer<float>();
  a.tokens = o.dim();
  a.sequences = o.dim();
  a.heads = int32_t(o.number());
  a.kvHeads = int32_t(o.number());
  a.headDim = int32_t(o.number());
  a.causal = o.number() != 0;
  a.window = int32_t(o.number());
  a.reach = int32_t(o.number());
  a.type = KvType(o.number());
  a.scale = o.real();
  a.softcap = o.real();
  a.precision = p.precision;
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

BatchedMatmulArgs batchedMatmulArgs(Operands o, const Program& p) {
  BatchedMatmulArgs a{};
  a.a = o.buffer<float>(), a.b = o.buffer<float>(), a.addend = o.buffer<float>(), a.y = o.buffer<float>();
  a.m = o.dim(), a.k = o.dim(), a.n = o.dim(), a.scale = o.real();
  const uint32_t flags = o.number();
  a.transposed = flags & 1, a.addendRows = flags & 2, a.addendColumns = flags & 4;
  a.aAxes = o.number(), a.bAxes = o.number(), a.addendAxes = o.number();
  a.batchAxes = int32_t(o.number());
  for (int axis = 0; axis < a.batchAxes; axis++) a.sizes[axis] = o.dim();
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

DenseAttentionArgs denseAttentionArgs(Operands o, const Program& p) {
  DenseAttentionArgs a{};
  a.query = o.buffer<float>(), a.key = o.buffer<float>(), a.value = o.buffer<float>(), a.mask = o.buffer<float>(), a.y = o.buffer<float>();
  a.batch = o.dim(), a.queries = o.dim(), a.keys = o.dim();
  a.heads = int32_t(o.number()), a.kvHeads = int32_t(o.number()), a.headDim = int32_t(o.number()), a.valueDim = int32_t(o.number());
  a.scale = o.real();
  const bool isCausal = o.number() != 0;
  const int64_t offset = o.dim();
  a.causal = isCausal ? offset : -1;
  for (DenseStrides* s : {&a.queryStrides, &a.keyStrides, &a.valueStrides, &a.maskStrides, &a.yStrides}) s->batch = o.dim(), s->head = o.dim(), s->row = o.dim();
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

RaggedAttentionArgs raggedAttentionArgs(Operands o, const Program& p) {
  RaggedAttentionArgs a{};
  a.query = o.buffer<float>(), a.key = o.buffer<float>(), a.value = o.buffer<float>();
  a.queryStarts = o.buffer<int32_t>(), a.keyStarts = o.buffer<int32_t>(), a.bias = o.buffer<float>(), a.y = o.buffer<float>();
  a.mostKeys = o.dim(), a.sequences = o.dim() - 1;
  a.heads = int32_t(o.number()), a.kvHeads = int32_t(o.number()), a.headDim = int32_t(o.number()), a.valueDim = int32_t(o.number());
  a.causal = o.number() != 0;
  const bool hasWindow = o.number() != 0;
  const int64_t window = o.number();
  a.window = hasWindow ? window : -1;
  a.reach = o.number();
  a.scale = o.real(), a.softcap = o.real();
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

RecurrentArgs recurrentArgs(Operands o, const Program& p) {
  RecurrentArgs a{};
  a.x = o.buffer<float>(), a.r = o.matrix(), a.hiddenBias = o.buffer<float>();
  a.initialState = o.buffer<float>(), a.initialCell = o.buffer<float>(), a.peepholes = o.buffer<float>(), a.lengths = o.buffer<int32_t>();
  a.y = o.buffer<float>(), a.last = o.buffer<float>(), a.c = o.buffer<float>();
  a.time = o.dim(), a.batch = o.dim();
  a.hidden = int32_t(o.number()), a.kind = RecurrentKind(o.number());
  const uint32_t flags = o.number();
  a.reversed = flags & 1, a.linearBeforeReset = flags & 2, a.coupled = flags & 4;
  a.clip = o.real();
  for (GateFunction& f : a.functions) f.kind = GateKind(o.number()), f.a = o.real(), f.b = o.real();
  a.scaled = p.workspace ? reinterpret_cast<float*>(p.workspace->data) : nullptr;
  return a;
}

TreeEnsembleArgs treeEnsembleArgs(Operands o, const Program& p) {
  TreeEnsembleArgs a{};
  a.x = o.buffer<float>(), a.nodes = o.buffer<uint64_t>(), a.treeStarts = o.buffer<int32_t>(), a.columnFeatures = o.buffer<int32_t>();
  a.voteStarts = o.buffer<int32_t>(), a.voteTargets = o.buffer<int32_t>(), a.voteWeights = o.buffer<float>(), a.bases = o.buffer<float>();
  a.y = o.buffer<float>();
  a.rows = o.dim(), a.features = o.dim();
  a.trees = int32_t(o.number()), a.columns = int32_t(o.number()), a.columnBits = int32_t(o.number()), a.targets = int32_t(o.number());
  a.scale = double(o.real());
  a.workspace = p.workspace ? p.workspace->data : nullptr;
  return a;
}

MapArgs mapArgs(Operands o, const Program& p) {
  MapArgs a;
  a.y = o.buffer<uint8_t>();
  a.type = ElementType(o.number());
  a.constants = p.floats.data();
  a.codeLength = int32_t(o.number());
  a.axisCount = int32_t(o.number());
  a.inputCount = int32_t(o.number());
  for (int i = 0; i < a.inputCount; i++) {
    a.inputs[i] = o.buffer<uint8_t>();
    a.types[i] = ElementType(o.number());
    a.axes[i] = o.number();
  }
  for (int axis = 0; axis < a.axisCount; axis++) a.sizes[axis] = o.dim();
  a.code = o.rest();
  return a;
}

// Parts write different elements of y, so nothing has to wait between them.
void copyParts(Operands o, const Kernels& kernels, const Thread& thread) {
  CopyArgs a{};
  uint8_t* const y = o.buffer<uint8_t>();
  a.elementBytes = int32_t(o.number());
  a.fill = o.number();
  a.fill |= uint64_t(o.number()) << 32;
  for (uint32_t parts = o.number(); parts > 0; parts--) {
    a.x = o.buffer<uint8_t>();
    const uint32_t backwards = o.number();
    if (const int64_t offset = o.dim(); a.x) a.x += offset * a.elementBytes;
    a.y = y + o.dim() * a.elementBytes;
    for (int axis = 0; axis < kCopyAxes; axis++) {
      a.sizes[axis] = o.dim();
      a.inputs[axis] = backwards >> axis & 1 ? -o.dim() : o.dim();
      a.outputs[axis] = o.dim();
    }
    kernels.copy(a, thread);
  }
}

void step(const Program& p, const Kernels& kernels, Opcode opcode, Operands o, const Thread& thread) {
  switch (opcode) {
    case Opcode::Matmul: {
      const MatmulArgs a = matmulArgs(o, p);
      if (a.rows > 0) kernels.matmul(a, thread);
      break;
    }
    case Opcode::Gather: {
      GatherArgs a{};
      a.table = o.matrix(), a.ids = o.buffer<int32_t>(), a.y = o.buffer<float>(), a.rows = o.dim();
      kernels.gather(a, thread);
      break;
    }
    case Opcode::GatherRows: {
      GatherRowsArgs a{};
      a.table = o.buffer<uint8_t>(), a.ids = o.buffer<int32_t>(), a.y = o.buffer<uint8_t>(), a.rows = o.dim(), a.rowBytes = o.dim();
      kernels.gatherRows(a, thread);
      break;
    }
    case Opcode::Norm: {
      NormArgs a{};
      a.x = o.buffer<float>(), a.weight = o.buffer<float>(), a.bias = o.buffer<float>(), a.y = o.buffer<float>();
      a.rows = o.dim(), a.width = o.dim(), a.epsilon = o.real(), a.kind = NormKind(o.number());
      kernels.norm(a, thread);
      break;
    }
    case Opcode::RotaryTable: {
      RotaryTableArgs a{};
      a.positions = o.buffer<int32_t>(), a.frequencies = o.buffer<float>(), a.y = o.buffer<float>();
      a.tokens = o.dim(), a.half = int32_t(o.number()), a.scale = o.real();
      kernels.rotaryTable(a, thread);
      break;
    }
    case Opcode::Rope: {
      RopeArgs a{};
      a.x = o.buffer<float>(), a.table = o.buffer<float>(), a.y = o.buffer<float>(), a.tokens = o.dim();
      a.heads = int32_t(o.number()), a.headDim = int32_t(o.number()), a.half = int32_t(o.number()), a.style = RopeStyle(o.number());
      kernels.rope(a, thread);
      break;
    }
    case Opcode::KvWrite: {
      KvWriteArgs a{};
      a.key = o.buffer<float>(), a.value = o.buffer<float>(), a.slots = o.buffer<int32_t>();
      a.keyPool = o.buffer<uint8_t>(), a.valuePool = o.buffer<uint8_t>(), a.tokens = o.dim();
      a.kvHeads = int32_t(o.number()), a.headDim = int32_t(o.number()), a.type = KvType(o.number());
      kernels.kvWrite(a, thread);
      break;
    }
    case Opcode::Attention: kernels.attention(attentionArgs(o, p), thread); break;
    case Opcode::Map: kernels.map(mapArgs(o, p), thread); break;
    case Opcode::Softmax: {
      SoftmaxArgs a{};
      a.x = o.buffer<float>(), a.y = o.buffer<float>(), a.rows = o.dim(), a.width = o.dim(), a.inner = o.dim();
      kernels.softmax(a, thread);
      break;
    }
    case Opcode::Argmax: {
      ArgmaxArgs a{};
      a.x = o.buffer<float>(), a.y = o.buffer<int32_t>(), a.rows = o.dim(), a.width = o.dim();
      kernels.argmax(a, thread);
      break;
    }
    case Opcode::Conv: kernels.conv(convArgs(o, p), thread); break;
    case Opcode::Pool: kernels.pool(poolArgs(o), thread); break;
    case Opcode::BatchedMatmul: kernels.batchedMatmul(batchedMatmulArgs(o, p), thread); break;
    case Opcode::DenseAttention: kernels.denseAttention(denseAttentionArgs(o, p), thread); break;
    case Opcode::Take: {
      TakeArgs a{};
      a.x = o.buffer<uint8_t>(), a.ids = o.buffer<int32_t>(), a.y = o.buffer<uint8_t>();
      a.outer = o.dim(), a.size = o.dim(), a.count = o.dim(), a.rowBytes = o.dim();
      kernels.take(a, thread);
      break;
    }
    case Opcode::Copy: copyParts(o, kernels, thread); break;
    case Opcode::Reduce: {
      ReduceArgs a{};
      a.x = o.buffer<float>(), a.y = o.buffer<float>(), a.kind = ReduceKind(o.number()), a.reduced = o.number();
      a.axisCount = int32_t(o.number());
      for (int axis = 0; axis < a.axisCount; axis++) a.sizes[axis] = o.dim();
      kernels.reduce(a, thread);
      break;
    }
    case Opcode::QuantisedMatmul: kernels.quantisedMatmul(quantisedMatmulArgs(o, p), thread); break;
    case Opcode::QuantisedConv: kernels.quantisedConv(quantisedConvArgs(o, p), thread); break;
    case Opcode::ConvTranspose: kernels.convTranspose(convTransposeArgs(o, p), thread); break;
    case Opcode::Resize: kernels.resize(resizeArgs(o, p), thread); break;
    case Opcode::GroupNorm: kernels.groupNorm(groupNormArgs(o, p), thread); break;
    case Opcode::Extreme: {
      ExtremeArgs a{};
      a.x = o.buffer<float>(), a.y = o.buffer<int32_t>(), a.outer = o.dim(), a.size = o.dim(), a.inner = o.dim();
      a.smallest = o.number() != 0, a.last = o.number() != 0;
      kernels.extreme(a, thread);
      break;
    }
    case Opcode::TopK: kernels.topK(topKArgs(o, p), thread); break;
    case Opcode::Cumulative: {
      CumulativeArgs a{};
      a.x = o.buffer<float>(), a.y = o.buffer<float>(), a.outer = o.dim(), a.size = o.dim(), a.inner = o.dim();
      a.product = o.number() != 0, a.exclusive = o.number() != 0, a.reverse = o.number() != 0;
      kernels.cumulative(a, thread);
      break;
    }
    case Opcode::Recurrent: kernels.recurrent(recurrentArgs(o, p), thread); break;
    case Opcode::TreeEnsemble: kernels.treeEnsemble(treeEnsembleArgs(o, p), thread); break;
    case Opcode::RaggedAttention: kernels.raggedAttention(raggedAttentionArgs(o, p), thread); break;
    case Opcode::GroupedMatmul: {
      const GroupedMatmulArgs a = groupedMatmulArgs(o, p);
      if (a.product.rows > 0) kernels.groupedMatmul(a, thread);
      break;
    }
    case Opcode::Route: kernels.route(routeArgs(o, p), thread); break;
    case Opcode::ScatterAdd: {
      ScatterAddArgs a{};
      a.x = o.buffer<float>(), a.rows = o.buffer<int32_t>(), a.weights = o.buffer<float>(), a.base = o.buffer<float>(), a.y = o.buffer<float>();
      a.count = o.dim(), a.tokens = o.dim(), a.width = o.dim();
      kernels.scatterAdd(a, thread);
      break;
    }
    case Opcode::SelectiveScan: kernels.selectiveScan(selectiveScanArgs(o, p), thread); break;
    case Opcode::CausalConv: kernels.causalConv(causalConvArgs(o), thread); break;
    case Opcode::Count: break;
  }
}

// What each operand word of an opcode is: b buffer, B buffer or none, m matrix, d dim, f float, n number. A `*` starts
// the part that repeats as often as the number before it says.
constexpr const char* kSignatures[] = {
    "bdnnffnBn*mBb",       // matmul
    "mbbd",                // gather
    "bbbdd",               // gather_rows
    "bbBbddfn",            // norm
    "bbbdnf",              // rotary_table
    "bbbdnnnn",            // rope
    "bbbbbdnnn",           // kv_write
    "bbbbbbbBBbddnnnnnnnff",  // attention
    "bnnnn*bnn",           // map
    "bbddd",               // softmax
    "bbdd",                // argmax
    "bnnnn*Bndddddddddddddddddddd",  // copy
    "bbnnn*d",             // reduce
    "bmBBbdddddnnnnnnnnnnnnnffn",  // conv
    "bbdddddnnnnnnnnnnnn",        // pool
    "bbBbdddfnnnnn*d",     // batched_matmul
    "bbbdddd",             // take
    "bbbBbdddnnnnfndddddddddddddddd",  // dense_attention
    "bmBbdddddnnnnnnnnnnnnffn",  // conv_transpose
    "bbBbBbddddddnn",      // resize
    "bBBbdddnf",           // group_norm
    "bbdddnn",             // extreme
    "bbbdddn",             // top_k
    "bbdddnnn",            // cumulative
    "bbBmbBBBbnnnffnd",    // quantised_matmul
    "bbBmbBBBbnnnffndddddnnnnnnnnnn",  // quantised_conv
    "bmBBBBBbbBddnnnfnffnffnff",       // recurrent
    "bbbbbbbBbddnnnnf",                // tree_ensemble
    "bbbbbBbddnnnnnnnnff",             // ragged_attention
    "bbdnnnffnBn*mBbn",                // grouped_matmul
    "bbbbdnnn",                        // route
    "bbbbbddd",                        // scatter_add
    "bbbbbdnbbmbbbBbnn",               // selective_scan
    "bbbbbdnbmBBBbnn",                 // causal_conv
};
static_assert(sizeof kSignatures / sizeof *kSignatures == size_t(Opcode::Count));

bool wellFormed(const Program& p, const uint32_t* words, size_t count, Opcode opcode) {
  size_t at = 0;
  uint32_t last = 0;
  auto check = [&](char kind) {
    if (at >= count) return false;
    const uint32_t word = words[at++];
    last = word;
    switch (kind) {
      case 'b': return word < p.buffers.size();
      case 'B': return word == kNone || word < p.buffers.size();
      case 'm': return word < p.matrices.size();
      case 'd': return word < p.limits.size();
      case 'f': return word < p.floats.size();
      default: return true;
    }
  };
  const char* s = kSignatures[size_t(opcode)];
  for (; *s && *s != '*'; s++) if (!check(*s)) return false;
  if (*s == '*') {
    const int64_t times = last;
    const int64_t most = opcode == Opcode::Matmul || opcode == Opcode::GroupedMatmul ? kMaxFusedWeights : opcode == Opcode::Map ? kMaxMapInputs : opcode == Opcode::Reduce ? kReduceAxes : opcode == Opcode::BatchedMatmul ? kBatchAxes : int64_t(count);
    if (times == 0 || times > most) return false;
    for (int64_t i = 0; i < times; i++) for (const char* r = s + 1; *r; r++) if (!check(*r)) return false;
  }
  if (opcode != Opcode::Map) return at == count;
  const uint32_t length = words[2], axes = words[3];
  if (length == 0 || axes > uint32_t(kMapAxes) || at + axes + length != count) return false;
  for (uint32_t axis = 0; axis < axes; axis++) if (!check('d')) return false;
  for (; at < count; at++) {
    const uint32_t op = words[at] & 0xff, operand = words[at] >> 8;
    if (op >= uint32_t(MapOp::Count)) return false;
    if (op == uint32_t(MapOp::Input) && operand >= kMaxMapInputs) return false;
    if (op == uint32_t(MapOp::Constant) && operand >= p.floats.size()) return false;
  }
  return true;
}

}  // namespace

size_t Program::instructionCount(size_t begin, size_t end) const {
  size_t count = 0;
  for (size_t at = begin; at < end; at += 2 + words[at + 1]) count++;
  return count;
}

bool Program::prepare(const Kernels& kernels, int threads) {
  size_t workspaceBytes = 0;
  auto need = [&](size_t bytes) { workspaceBytes = bytes > workspaceBytes ? bytes : workspaceBytes; };
  for (size_t at = 0; at < words.size();) {
    if (at + 2 > words.size() || words[at] >= uint32_t(Opcode::Count) || words[at + 1] > words.size() - at - 2) return false;
    const Opcode opcode = Opcode(words[at]);
    if (!wellFormed(*this, &words[at + 2], words[at + 1], opcode)) return false;
    const Operands operands(*this, &words[at + 2], limits.data());
    if (opcode == Opcode::Matmul) {
      matmuls.push_back(at);
      const MatmulArgs a = matmulArgs(operands, *this);
      for (int i = 0; i < a.count; i++) if (a.w[i].k != a.k) return false;
      int64_t n = 0;
      for (int i = 0; i < a.count; i++) n += (a.w[i].n + 31) / 32 * 32;
      for (int t = 1; t <= threads; t++) need(kernels.matmulWorkspace(a.rows, a.k, n, t));
    } else if (opcode == Opcode::Conv) {
      const ConvArgs a = convArgs(operands, *this);
      for (int t = 1; t <= threads; t++) need(kernels.convWorkspace(a, t));
    } else if (opcode == Opcode::QuantisedMatmul) {
      const QuantisedMatmulArgs a = quantisedMatmulArgs(operands, *this);
      for (int t = 1; t <= threads; t++) need(kernels.quantisedMatmulWorkspace(a, t));
    } else if (opcode == Opcode::QuantisedConv) {
      const QuantisedConvArgs a = quantisedConvArgs(operands, *this);
      for (int t = 1; t <= threads; t++) need(kernels.quantisedConvWorkspace(a, t));
    } else if (opcode == Opcode::ConvTranspose) {
      const ConvTransposeArgs a = convTransposeArgs(operands, *this);
      for (int t = 1; t <= threads; t++) need(kernels.convTransposeWorkspace(a, t));
    } else if (opcode == Opcode::Resize) {
      need(kernels.resizeWorkspace(resizeArgs(operands, *this), threads));
    } else if (opcode == Opcode::GroupNorm) {
      need(kernels.groupNormWorkspace(groupNormArgs(operands, *this), threads));
    } else if (opcode == Opcode::TopK) {
      need(kernels.topKWorkspace(topKArgs(operands, *this).k, threads));
    } else if (opcode == Opcode::Attention) {
      const AttentionArgs a = attentionArgs(operands, *this);
      for (int t = 1; t <= threads; t++) need(kernels.attentionWorkspace(a.tokens, a.sequences, a.heads, a.headDim, maxContext, t));
    } else if (opcode == Opcode::BatchedMatmul) {
      need(kernels.batchedMatmulWorkspace(threads));
    } else if (opcode == Opcode::DenseAttention) {
      const DenseAttentionArgs a = denseAttentionArgs(operands, *this);
      need(kernels.denseAttentionWorkspace(a.keys, a.headDim, a.valueDim, threads));
    } else if (opcode == Opcode::RaggedAttention) {
      const RaggedAttentionArgs a = raggedAttentionArgs(operands, *this);
      if (a.headDim < 1 || a.valueDim < 1 || a.kvHeads < 1 || a.heads < 1 || a.heads % a.kvHeads != 0) return false;
      need(kernels.raggedAttentionWorkspace(a.mostKeys, a.headDim, a.valueDim, threads));
    } else if (opcode == Opcode::Recurrent) {
      const RecurrentArgs a = recurrentArgs(operands, *this);
      if (a.hidden < 1 || a.r.k != a.hidden || a.r.n != gatesOf(a.kind) * ((int64_t(a.hidden) + 15) / 16 * 16) || a.r.layout != Layout::F32) return false;
      need(size_t(a.batch) * size_t(a.hidden) * sizeof(float));
    } else if (opcode == Opcode::TreeEnsemble) {
      const TreeEnsembleArgs a = treeEnsembleArgs(operands, *this);
      if (a.columns < 0 || a.targets < 1 || a.trees < 0 || a.columnBits < 1 || a.columnBits > 24) return false;
      need(kernels.treeEnsembleWorkspace(a.columns, a.targets, threads));
    } else if (opcode == Opcode::GroupedMatmul) {
      const GroupedMatmulArgs g = groupedMatmulArgs(operands, *this);
      const MatmulArgs& a = g.product;
      int64_t n = 0;
      for (int i = 0; i < a.count; i++) {
        if (g.experts < 1 || g.n[i] < 1 || a.w[i].k != a.k || a.w[i].n != int64_t(g.experts) * ((int64_t(g.n[i]) + 15) / 16 * 16)) return false;
        n += (g.n[i] + 31) / 32 * 32;
      }
      for (int t = 1; t <= threads; t++) need(kernels.groupedMatmulWorkspace(a.rows, a.k, n, g.experts, t));
    } else if (opcode == Opcode::Route) {
      const RouteArgs a = routeArgs(operands, *this);
      if (a.perToken < 1 || a.experts < a.perToken) return false;
      need(kernels.routeWorkspace(a.tokens, a.perToken, a.experts));
    } else if (opcode == Opcode::SelectiveScan) {
      const SelectiveScanArgs a = selectiveScanArgs(operands, *this);
      if (a.stateSize < 1 || !isPanelsOf(a.a, a.state.channels, a.stateSize)) return false;
      need(kernels.selectiveScanWorkspace(a.stateSize, threads));
    } else if (opcode == Opcode::CausalConv) {
      const CausalConvArgs a = causalConvArgs(operands);
      if (a.taps < 2 || a.taps > kMaxCausalTaps || !isPanelsOf(a.w, a.state.channels, a.taps)) return false;
    }
    at += 2 + words[at + 1];
  }
  if (workspaceBytes == 0) return true;
  workspace.reset(Region::anonymous(workspaceBytes));
  return workspace != nullptr;
}

namespace {

// What a thread does while it waits for others: it pulls the beginning of its next matmul's weights into its cache, so
// that memory is not idle while one thread computes something small.
class PullAhead {
 public:
  PullAhead(const Program& program, const Kernels& kernels, const int32_t* dims, const Thread& thread)
      : program_(program), kernels_(kernels), dims_(dims), thread_(thread) {}

  // The walk has come to the instruction at `at`.
  void reach(size_t at) {
    while (next_ < program_.matmuls.size() && program_.matmuls[next_] <= at) next_++, offset_ = 0;
  }
  void operator()() const {
    if (offset_ >= kMostBytes || next_ == program_.matmuls.size()) return;
    const Operands operands(program_, &program_.words[program_.matmuls[next_] + 2], dims_);
    const uint8_t* data = kernels_.matmulStream(matmulArgs(operands, program_), thread_, offset_);
    if (!data) {
      offset_ = kMostBytes;
      return;
    }
    for (int64_t line = 0; line < kBytesAtOnce; line += 64) __builtin_prefetch(data + line);
    offset_ += kBytesAtOnce;
  }

 private:
  static constexpr int64_t kMostBytes = 128 << 10, kBytesAtOnce = 512;
  const Program& program_;
  const Kernels& kernels_;
  const int32_t* dims_;
  const Thread& thread_;
  size_t next_ = 0;
  mutable int64_t offset_ = 0;
};

// Notes how long after each other laps end.
class Stopwatch {
 public:
  explicit Stopwatch(double* seconds) : seconds_(seconds) {
    if (seconds_) last_ = Clock::now();
  }
  void lap() {
    if (!seconds_) return;
    const Clock::time_point now = Clock::now();
    *seconds_++ = std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  double* seconds_;
  Clock::time_point last_;
};

}  // namespace

void execute(const Program& program, const Kernels& kernels, Walk& walk, const Thread& thread) {
  const uint32_t* words = program.words.data();
  PullAhead pullAhead(program, kernels, walk.dims, thread);
  Stopwatch stopwatch(thread.index == 0 ? walk.seconds : nullptr);
  for (size_t at = walk.begin; at < walk.end; at += 2 + words[at + 1]) {
    if (thread.index == 0 && walk.stop.load(std::memory_order_relaxed)) walk.stopAt.store(at, std::memory_order_relaxed);
    step(program, kernels, Opcode(words[at]), Operands(program, &words[at + 2], walk.dims), thread);
    pullAhead.reach(at);
    thread.barrier(pullAhead);
    stopwatch.lap();
    // All threads leave at the same instruction: thread 0 named it before the barrier, and what it may write meanwhile
    // names a later one.
    if (walk.stopAt.load(std::memory_order_relaxed) == at) return;
  }
}

}  // namespace hence

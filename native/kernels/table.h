// All kernels of one instruction set. Included once by each file in targets/, which defines HENCE_TARGET.
#pragma once
#include "argmax.h"
#include "attention.h"
#include "batched-matmul.h"
#include "conv.h"
#include "conv-transpose.h"
#include "copy.h"
#include "cumulative.h"
#include "dense-attention.h"
#include "ragged-attention.h"
#include "gather-rows.h"
#include "grouped-matmul.h"
#include "group-norm.h"
#include "kv-write.h"
#include "map.h"
#include "matmul.h"
#include "norm.h"
#include "pooling.h"
#include "quantised-conv.h"
#include "quantised-matmul.h"
#include "recurrent.h"
#include "recurrent-state.h"
#include "reduce.h"
#include "resize.h"
#include "rope.h"
#include "route.h"
#include "select.h"
#include "softmax.h"
#include "take.h"
#include "tree-ensemble.h"

#define HENCE_TEXT(x) #x
#define HENCE_NAME(x) HENCE_TEXT(x)

namespace hence::HENCE_TARGET {

const Kernels* kernels();
const Kernels* kernels() {
  static constexpr Kernels table = {
      HENCE_NAME(HENCE_TARGET), matmul, matmulWorkspace, matmulStream, conv, convWorkspace,
      quantisedMatmul, quantisedMatmulWorkspace, quantisedConv, quantisedConvWorkspace,
      gather, gatherRows, norm, rotaryTable, rope, kvWrite, attention, attentionWorkspace,
      map, softmax, argmax,
      copy, reduce,
      pool,
      batchedMatmul, batchedMatmulWorkspace, take, denseAttention, denseAttentionWorkspace,
      raggedAttention, raggedAttentionWorkspace,
      convTranspose, convTransposeWorkspace,
      resize, resizeWorkspace, groupNorm, groupNormWorkspace, extreme, topK, topKWorkspace, cumulative,
      recurrent, treeEnsemble, treeEnsembleWorkspace,
      groupedMatmul, groupedMatmulWorkspace, route, routeWorkspace, scatterAdd,
      selectiveScan, selectiveScanWorkspace, causalConv,
      streamRead, peakFlops,
  };
  return &table;
}

}  // namespace hence::HENCE_TARGET


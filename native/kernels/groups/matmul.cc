// Products with packed matrices, and what measures the machine by them.
#include "../gather-rows.h"
#include "../batched-matmul.h"
#include "../grouped-matmul.h"
#include "../matmul.h"
#include "groups.h"

void hence::HENCE_TARGET::addMatmul(Kernels& table) {
  table.matmul = matmul;
  table.matmulWorkspace = matmulWorkspace;
  table.matmulStream = matmulStream;
  table.groupedMatmul = groupedMatmul;
  table.groupedMatmulWorkspace = groupedMatmulWorkspace;
  table.batchedMatmul = batchedMatmul;
  table.batchedMatmulWorkspace = batchedMatmulWorkspace;
  table.gather = gather;
  table.gatherRows = gatherRows;
  table.streamRead = streamRead;
  table.peakFlops = peakFlops;
}

// Products and convolutions of bytes.
#include "../quantised-conv.h"
#include "../quantised-matmul.h"
#include "groups.h"

void hence::HENCE_TARGET::addQuantised(Kernels& table) {
  table.quantisedMatmul = quantisedMatmul;
  table.quantisedMatmulWorkspace = quantisedMatmulWorkspace;
  table.quantisedConv = quantisedConv;
  table.quantisedConvWorkspace = quantisedConvWorkspace;
}

// What a window over pixels computes.
#include "../conv.h"
#include "../conv-transpose.h"
#include "../pooling.h"
#include "../resize.h"
#include "groups.h"

void hence::HENCE_TARGET::addConvolution(Kernels& table) {
  table.conv = conv;
  table.convWorkspace = convWorkspace;
  table.convTranspose = convTranspose;
  table.convTransposeWorkspace = convTransposeWorkspace;
  table.pool = pool;
  table.resize = resize;
  table.resizeWorkspace = resizeWorkspace;
}

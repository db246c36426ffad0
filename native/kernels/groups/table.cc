// All kernels of one instruction set.
#include "groups.h"

#define HENCE_TEXT(x) #x
#define HENCE_NAME(x) HENCE_TEXT(x)

namespace hence::HENCE_TARGET {

const Kernels* kernels();
const Kernels* kernels() {
  static const Kernels table = [] {
    Kernels all = {};
    all.name = HENCE_NAME(HENCE_TARGET);
    addMatmul(all);
    addQuantised(all);
    addAttention(all);
    HENCE_VECTORS::addConvolution(all);
    HENCE_VECTORS::addElementwise(all);
    HENCE_VECTORS::addReduction(all);
    HENCE_VECTORS::addSequence(all);
    return all;
  }();
  return &table;
}

}  // namespace hence::HENCE_TARGET

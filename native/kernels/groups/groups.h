// Every instruction set compiles each file of this folder once, with HENCE_TARGET as its name. Files are what one change
// of a kernel compiles again; each adds its kernels to the table. What uses nothing beyond plain vectors is taken from
// HENCE_VECTORS, the first instruction set with vectors of this width: compiled again it would be the same code.
#pragma once
#include "../../kernels.h"

namespace hence::HENCE_TARGET {

void addMatmul(Kernels& table);
void addQuantised(Kernels& table);
void addAttention(Kernels& table);

}  // namespace hence::HENCE_TARGET

namespace hence::HENCE_VECTORS {

void addConvolution(Kernels& table);
void addElementwise(Kernels& table);
void addReduction(Kernels& table);
void addSequence(Kernels& table);

}  // namespace hence::HENCE_VECTORS

// Many numbers to one, and rows by what they add up to.
#include "../argmax.h"
#include "../cumulative.h"
#include "../group-norm.h"
#include "../norm.h"
#include "../reduce.h"
#include "../select.h"
#include "../softmax.h"
#include "groups.h"

void hence::HENCE_TARGET::addReduction(Kernels& table) {
  table.norm = norm;
  table.groupNorm = groupNorm;
  table.groupNormWorkspace = groupNormWorkspace;
  table.softmax = softmax;
  table.argmax = argmax;
  table.reduce = reduce;
  table.extreme = extreme;
  table.topK = topK;
  table.topKWorkspace = topKWorkspace;
  table.cumulative = cumulative;
}

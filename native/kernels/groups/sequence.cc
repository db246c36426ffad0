// Steps that follow from the step before, choices of experts, and trees.
#include "../recurrent.h"
#include "../recurrent-state.h"
#include "../route.h"
#include "../tree-ensemble.h"
#include "groups.h"

void hence::HENCE_TARGET::addSequence(Kernels& table) {
  table.recurrent = recurrent;
  table.selectiveScan = selectiveScan;
  table.selectiveScanWorkspace = selectiveScanWorkspace;
  table.causalConv = causalConv;
  table.route = route;
  table.routeWorkspace = routeWorkspace;
  table.scatterAdd = scatterAdd;
  table.treeEnsemble = treeEnsemble;
  table.treeEnsembleWorkspace = treeEnsembleWorkspace;
}

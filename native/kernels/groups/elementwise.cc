// Element by element, and moving elements.
#include "../copy.h"
#include "../map.h"
#include "../take.h"
#include "groups.h"

void hence::HENCE_TARGET::addElementwise(Kernels& table) {
  table.map = map;
  table.copy = copy;
  table.take = take;
}

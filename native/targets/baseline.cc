#if defined(__x86_64__)
#define HENCE_TARGET baseline
#include "../kernels/table.h"
#endif

#if defined(__x86_64__)
#define HENCE_TARGET avx2
#include "../kernels/table.h"
#endif

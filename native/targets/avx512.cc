#if defined(__x86_64__)
#define HENCE_TARGET avx512
#include "../kernels/table.h"
#endif

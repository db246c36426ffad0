#if defined(__x86_64__)
#define HENCE_TARGET avx512vnni
#include "../kernels/table.h"
#endif

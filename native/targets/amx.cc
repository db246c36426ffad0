#if defined(__x86_64__)
#define HENCE_TARGET amx
#include "../kernels/table.h"
#endif

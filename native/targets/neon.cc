#if defined(__aarch64__)
#define HENCE_TARGET neon
#include "../kernels/table.h"
#endif

// Which instruction sets are compiled in, and which of them this machine has.
#include "amx.h"
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace hence {

#if defined(__x86_64__)

namespace baseline { const Kernels* kernels(); }
namespace avx2 { const Kernels* kernels(); }
namespace avx512 { const Kernels* kernels(); }
namespace avx512vnni { const Kernels* kernels(); }
namespace amx { const Kernels* kernels(); }

namespace {

bool hasBaseline() { return true; }

// __builtin_cpu_supports also asks whether the operating system saves the wide registers.
bool hasAvx2() {
  unsigned a, b, c, d;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
bool hasAvx512() {
  return hasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}
bool hasAvx512Vnni() {
  return hasAvx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bf16");
}
bool hasAmx() { return hasAvx512Vnni() && enableAmx(); }

}  // namespace

const Target kTargets[] = {
    {"amx", hasAmx, amx::kernels},
    {"avx512vnni", hasAvx512Vnni, avx512vnni::kernels},
    {"avx512", hasAvx512, avx512::kernels},
    {"avx2", hasAvx2, avx2::kernels},
    {"baseline", hasBaseline, baseline::kernels},
};

#elif defined(__aarch64__)

namespace neon { const Kernels* kernels(); }

const Target kTargets[] = {{"neon", [] { return true; }, neon::kernels}};  // part of every 64-bit ARM processor

#endif

const int kTargetCount = sizeof(kTargets) / sizeof(kTargets[0]);

}  // namespace hence

/**
 * What the native backend is compiled from: one entry per instruction set, each the same kernels with other flags.
 * Every file of `native/kernels/groups/` is compiled once per entry, with its flags; those of `native/` once, with none of them.
 */

const AVX2 = ['-mavx2', '-mfma', '-mf16c']
const AVX512 = ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mf16c', '-mfma', '-mprefer-vector-width=512']
const AVX512_VNNI = [...AVX512, '-mavx512vnni', '-mavx512vbmi', '-mavx512bf16']
const AMX = [...AVX512_VNNI, '-mamx-tile', '-mamx-int8', '-mamx-bf16']

/**
 * Instruction sets by `process.arch`; an architecture without an entry has no native backend. One with the `vectors` of
 * another takes the groups of `VECTOR_GROUPS` from it.
 */
export const NATIVE_TARGETS = {
  x64: {
    baseline: { flags: [] },
    avx2: { flags: AVX2 },
    avx512: { flags: AVX512 },
    avx512vnni: { flags: AVX512_VNNI, vectors: 'avx512' },
    amx: { flags: AMX, vectors: 'avx512' },
  },
  arm64: { neon: { flags: [] } },
}

/** Files of native/kernels/groups/ in which no instruction beyond plain vectors makes a difference. */
export const VECTOR_GROUPS = ['convolution', 'elementwise', 'reduction', 'sequence']

/** Flags of every source. No -ffast-math: it would change what NaN, infinity and reordering mean. */
export const COMMON_FLAGS = [
  '-std=c++20',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-exceptions',
  '-fno-rtti',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-ffp-contract=fast',
  '-Wall',
  '-Wextra',
  // A group may need only a part of a header.
  '-Wno-unused-function',
  // GCC reports its own intrinsics headers.
  '-Wno-uninitialized',
  '-Wno-maybe-uninitialized',
  // A newer compiler's new warning must not cost a user the backend.
  ...(process.env.CI ? ['-Werror'] : []),
  '-DNAPI_VERSION=8',
]

export const RELEASE_FLAGS = ['-O3', '-DNDEBUG']

/** For sources that are only to be compiled: everything but what optimisers do. */
export const CHECK_FLAGS = ['-O0']

/**
 * Assertions stay on here. Stack frames and pointer alignment are left out: with them a file of kernels takes ten minutes
 * and gigabytes to compile. -fno-sanitize=vptr because that check needs run-time type information.
 */
export const SANITIZER_FLAGS = [
  '-O1',
  '-g1',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize=vptr,null,alignment,object-size',
  '-fno-sanitize-recover=all',
  '--param',
  'asan-stack=0',
]

/** Instruction sets whose kernels are built with sanitizers; they are the same sources, so two of them are enough. */
export const SANITIZED_TARGETS = ['avx2', 'amx', 'neon']

/** Link flags by `process.platform`; a platform without an entry has no native backend. */
export const LINK_FLAGS = {
  linux: ['-shared', '-pthread'],
  darwin: ['-shared', '-pthread', '-undefined', 'dynamic_lookup'],
}

/** What to install where no C++ compiler was found. */
export const COMPILER_ADVICE = {
  linux: 'Debian/Ubuntu: apt install g++; Fedora: dnf install gcc-c++; Alpine: apk add g++',
  darwin: 'macOS: xcode-select --install',
  win32: 'Windows: use WSL (wsl --install) and then apt install g++ there',
}

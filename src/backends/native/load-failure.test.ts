import { expect, test } from 'vitest'
import { fixOfLoadFailures } from './load-failure.ts'

// The messages are those of glibc, musl, dyld and Node.
test.each([
  ['/a/linux-x64.node: invalid ELF header', /another machine/],
  ['/a/linux-x64.node: file too short', /damaged/],
  [
    "dlopen(/a.node, 0x0001): tried: '/a.node' (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))",
    /another machine/,
  ],
  ["/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /a.node)", /another C library/],
  ['Error loading shared library ld-linux-x86-64.so.2: No such file: GLIBC /a.node', /another C library/],
  ['libc.musl-x86_64.so.1: cannot open shared object file: No such file or directory', /another C library/],
  ['The module was compiled against a different Node.js version using NODE_MODULE_VERSION 108.', /another Node/],
  ['/a.node: undefined symbol: node_api_create_buffer_from_arraybuffer', /Node is too old/],
  ['/a.node: failed to map segment from shared object', /noexec/],
  ['is of version 0.0.9, and this is Hence 0.1.0', /npm install hence/],
  ['there is no such file', /doctor --fix.*compiler/],
])('%s', (failure, fix) => {
  expect(fixOfLoadFailures(['not installed', failure], false)).toMatch(fix)
})

test('a file that was chosen is corrected, not compiled', () => {
  expect(fixOfLoadFailures(['there is no such file'], true)).toBe('correct or unset HENCE_NATIVE')
})

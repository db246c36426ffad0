/**
 * Runs tests on a native build with address and undefined-behaviour sanitizers: `npm run test:sanitized [-- FILE...]`,
 * by default the contract suite. Linux with g++ only; anything the sanitizers find ends the run with a failure.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nativeAddonPath } from './build-native.mjs'
import { SANITIZED_TARGETS } from './native-targets.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const tests = process.argv.length > 2 ? process.argv.slice(2) : ['test/contract']

run([process.execPath, 'scripts/build-native.mjs', '--asan'])

// Node itself is not built with sanitizers, so their run-time library must be loaded before it. It looks up the C++
// library's exception functions when it starts, so that one comes along.
const preload = ['libasan.so', 'libubsan.so', 'libstdc++.so'].map(findLibrary)

run([process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--pool=forks', ...tests], {
  LD_PRELOAD: preload.join(' '),
  // Leaks: V8 frees nothing at exit. Signals: V8 handles some faults itself.
  ASAN_OPTIONS: 'detect_leaks=0:handle_segv=0:allow_user_segv_handler=1:abort_on_error=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  HENCE_NATIVE: nativeAddonPath({ asan: true }),
  HENCE_TEST_BACKENDS: SANITIZED_TARGETS.join(','),
})

function findLibrary(name) {
  const compiler = process.env.CXX?.trim().split(/\s+/)[0] || 'g++'
  const path = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim()
  if (path && path !== name && existsSync(path)) return path
  console.error(`test-sanitized: ${compiler} has no ${name}. Debian/Ubuntu: apt install g++`)
  process.exit(1)
}

function run([program, ...args], env = {}) {
  const { status, signal } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (status === 0) return
  if (signal) console.error(`test-sanitized: ${program} was ended by ${signal}`)
  process.exit(status || 1)
}

/**
 * Compiles native/ into one addon with plain compiler calls; needs nothing but Node and a C++ compiler.
 *
 *   node scripts/build-native.mjs [--asan] [--check-neon] [--optional] [--quiet]
 *
 *   --asan        with address and undefined-behaviour sanitizers, into build/native-asan/
 *   --check-neon  only compile the ARM sources with aarch64-linux-gnu-g++, link nothing
 *   --optional    where nothing can be built, say so and exit with 0
 *   --quiet       print nothing when all went well
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withLock } from './lock.mjs'
import {
  CHECK_FLAGS,
  COMMON_FLAGS,
  COMPILER_ADVICE,
  LINK_FLAGS,
  NATIVE_TARGETS,
  RELEASE_FLAGS,
  SANITIZED_TARGETS,
  SANITIZER_FLAGS,
  VECTOR_GROUPS,
} from './native-targets.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const nativeDir = join(root, 'native')
const groupsDir = join(nativeDir, 'kernels', 'groups')
const releaseObjectDir = join(root, 'build', 'native', 'objects')
const neonCompiler = 'aarch64-linux-gnu-g++'

/** Nothing is wrong with the sources: this machine cannot build them. The message says what to do. */
class CannotBuild extends Error {}

/** Path of the addon for this machine, as the loader in src/backends/native looks for it. */
export function nativeAddonPath({ asan = false } = {}) {
  return join(root, 'build', asan ? 'native-asan' : 'native', `${platformName()}.node`)
}

/** True when every object and the addon are newer than their sources and were made with these flags. */
export function isNativeBuilt(options = {}) {
  try {
    const plan = planBuild(options)
    return plan.units.every(isFresh) && isLinked(plan)
  } catch (error) {
    if (error instanceof CannotBuild) return false
    throw error
  }
}

/** Why this machine cannot compile the native backend, and what to install; undefined where it can. */
export function whyNotBuildable() {
  try {
    requireWorkingCompiler(planBuild().compiler)
    return undefined
  } catch (error) {
    if (error instanceof CannotBuild) return error.message
    throw error
  }
}

/** Compiles what is stale and links. The caller holds the lock. @returns number of sources compiled */
export async function buildNative(options = {}) {
  const plan = planBuild(options)
  const stale = plan.units.filter(unit => !isFresh(unit))
  if (stale.length === 0 && isLinked(plan)) return 0
  requireWorkingCompiler(plan.compiler)
  for (const { object } of plan.units) mkdirSync(dirname(object), { recursive: true })
  if (!options.asan && !options.checkNeon) writeFileSync(join(root, 'build', 'compile_commands.json'), compileCommands(plan))
  await runInParallel(stale.map(unit => () => compile(unit)))
  if (plan.addon) await link(plan)
  return stale.length
}

function planBuild({ asan = false, checkNeon = false } = {}) {
  const arch = checkNeon ? 'arm64' : process.arch
  const targets = NATIVE_TARGETS[arch]
  const linkFlags = LINK_FLAGS[process.platform]
  if (!targets || !linkFlags) {
    const advice = COMPILER_ADVICE[process.platform]
    throw new CannotBuild(`there is no native backend for ${process.platform}-${arch} yet${advice ? `. ${advice}` : ''}`)
  }
  const compiler = checkNeon ? findOnPath(neonCompiler) && [neonCompiler] : findCompiler()
  if (!compiler) {
    throw new CannotBuild(
      checkNeon
        ? `the NEON check needs ${neonCompiler}. Debian/Ubuntu: apt install g++-aarch64-linux-gnu`
        : `no C++ compiler found. ${COMPILER_ADVICE[process.platform]}`,
    )
  }
  const objectDir = join(root, 'build', checkNeon ? 'native-neon' : asan ? 'native-asan' : 'native', 'objects')
  const includes = [`-I${nodeApiHeaders()}`, `-I${nativeDir}`]
  const headersMtimeMs = newestHeaderMtimeMs()
  const unit = (source, name, { extraFlags = [], isSanitized = asan } = {}) => {
    const flags = [...COMMON_FLAGS, ...(isSanitized ? SANITIZER_FLAGS : checkNeon ? CHECK_FLAGS : RELEASE_FLAGS), ...includes]
    // What a build with sanitizers takes as it is, it shares with the other one.
    const object = join(asan && !isSanitized ? releaseObjectDir : objectDir, `${name}.o`)
    return { source, object, command: [...compiler, ...flags, ...extraFlags, '-c', source, '-o', object], headersMtimeMs }
  }
  const groups = sourcesIn(groupsDir).map(source => basename(source, '.cc'))
  const units = [
    ...Object.entries(targets).flatMap(([target, { flags, vectors = target }]) => {
      const extraFlags = [...flags, `-DHENCE_TARGET=${target}`, `-DHENCE_VECTORS=${vectors}`]
      const users = Object.keys(targets).filter(name => targets[name].vectors === target)
      return groups
        .filter(group => vectors === target || !VECTOR_GROUPS.includes(group))
        .map(group => {
          const usedBy = VECTOR_GROUPS.includes(group) ? [target, ...users] : [target]
          const isSanitized = asan && usedBy.some(name => SANITIZED_TARGETS.includes(name))
          return unit(join(groupsDir, `${group}.cc`), `${target}-${group}`, { extraFlags, isSanitized })
        })
    }),
    ...sourcesIn(nativeDir).map(source => unit(source, `host-${basename(source, '.cc')}`)),
  ]
  if (units.length === 0) throw new CannotBuild('native/ holds no sources')
  const addon = checkNeon ? undefined : nativeAddonPath({ asan })
  const staticRuntime = process.platform === 'linux' && !asan ? ['-static-libstdc++', '-static-libgcc'] : []
  const sanitizers = asan ? ['-fsanitize=address,undefined'] : []
  const objects = units.map(({ object }) => object)
  const linkCommand = [...compiler, ...linkFlags, ...staticRuntime, ...sanitizers, ...objects, '-o', `${addon}.new`]
  return { compiler, units, addon, linkCommand }
}

function sourcesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => name.endsWith('.cc') && !name.endsWith('_test.cc'))
    .sort()
    .map(name => join(folder, name))
}

/** Every object depends on every header: they are few, and a missed dependency costs more than a compile. */
function newestHeaderMtimeMs() {
  if (!existsSync(nativeDir)) return 0
  const headers = readdirSync(nativeDir, { recursive: true }).filter(name => /\.(h|inc)$/.test(name))
  return Math.max(0, ...headers.map(name => statSync(join(nativeDir, name)).mtimeMs))
}

function isFresh({ source, object, command, headersMtimeMs }) {
  const builtMs = mtimeMs(object)
  return builtMs > statSync(source).mtimeMs && builtMs > headersMtimeMs && readStamp(object) === stamp(command)
}

function isLinked({ addon, units, linkCommand }) {
  if (addon === undefined) return true
  const linkedMs = mtimeMs(addon)
  return units.every(({ object }) => linkedMs >= mtimeMs(object)) && readStamp(addon) === stamp(linkCommand)
}

function mtimeMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1
}

function stamp(command) {
  return createHash('sha256').update(command.join('\0')).digest('hex')
}

function readStamp(output) {
  return existsSync(`${output}.command`) ? readFileSync(`${output}.command`, 'utf8') : ''
}

/** An object is as old as the beginning of its compilation: a header that changed meanwhile makes it stale. */
async function compile({ command, object }) {
  const began = new Date()
  await run(command)
  utimesSync(object, began, began)
  writeFileSync(`${object}.command`, stamp(command))
}

/** Linked beside the addon and moved over it, so that a process that has the old one loaded keeps it whole. */
async function link({ addon, linkCommand }) {
  await run(linkCommand)
  renameSync(`${addon}.new`, addon)
  writeFileSync(`${addon}.command`, stamp(linkCommand))
}

function run([program, ...args]) {
  return new Promise((resolveRun, rejectRun) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', rejectRun)
    child.on('close', code => {
      if (code === 0) resolveRun()
      else rejectRun(new Error(`${program} ended with ${code} on ${basename(args.at(-1))}`))
    })
  })
}

async function runInParallel(jobs) {
  const queue = [...jobs]
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

function compileCommands({ units }) {
  const entries = units.map(({ source, object, command }) => ({ directory: root, file: source, output: object, arguments: command }))
  return `${JSON.stringify(entries, null, 2)}\n`
}

/** `$CXX` when set (it may hold arguments, as in `ccache g++`), else the first known name on the path. */
function findCompiler() {
  const chosen = process.env.CXX?.trim().split(/\s+/)
  if (chosen?.[0]) return findOnPath(chosen[0]) ? chosen : undefined
  const name = ['g++', 'clang++', 'c++'].find(findOnPath)
  return name && [name]
}

function findOnPath(program) {
  if (program.includes('/')) return existsSync(program)
  return (process.env.PATH ?? '').split(delimiter).some(folder => folder !== '' && existsSync(join(folder, program)))
}

/** On macOS the compiler may be a stand-in that only asks for the developer tools; then it fails here. */
function requireWorkingCompiler(compiler) {
  const [program, ...args] = compiler
  const { status } = spawnSync(program, [...args, '--version'], { stdio: 'ignore' })
  if (status !== 0) throw new CannotBuild(`${program} does not run. ${COMPILER_ADVICE[process.platform]}`)
}

/** Those of the package node-api-headers, installed with Hence or by the user, else those that came with Node. */
function nodeApiHeaders() {
  const packages = [root, process.cwd()].flatMap(folder => createRequire(join(folder, 'package.json')).resolve.paths('node-api-headers'))
  const candidates = [
    ...packages.map(folder => join(folder, 'node-api-headers', 'include')),
    resolve(realpathSync(process.execPath), '../../include/node'),
  ]
  const found = candidates.find(folder => existsSync(join(folder, 'node_api.h')))
  if (!found) throw new CannotBuild('node_api.h not found, which comes with Node from nodejs.org; npm install node-api-headers')
  return found
}

function platformName() {
  const musl = process.platform === 'linux' && isMusl() ? '-musl' : ''
  return `${process.platform}-${process.arch}${musl}`
}

/** The process report names the C library but is slow to make, so it is asked only where musl is installed at all. */
function isMusl() {
  const hasMusl = readdirSync('/lib').some(name => name.startsWith('ld-musl-'))
  return hasMusl && !process.report.getReport().header.glibcVersionRuntime
}

/** Builds under the optional rule: a machine that cannot build is told what to install. @returns exit code */
export async function buildNativeOrExplain({ optional = false, quiet = false, ...options } = {}) {
  const startMs = performance.now()
  try {
    const compiled = await buildNative(options)
    const what = options.checkNeon ? 'NEON sources' : `native backend${options.asan ? ' with sanitizers' : ''}`
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    if (!quiet) console.error(`hence: ${what} ${compiled > 0 ? `built, ${compiled} sources in ${seconds} s` : 'up to date'}`)
    return 0
  } catch (error) {
    const consequence = options.checkNeon || options.asan ? '' : ' Until then Hence runs on its TypeScript backend, which is much slower.'
    console.error(`hence: ${error.message}.${error instanceof CannotBuild ? consequence : ' The native backend was not built.'}`)
    return optional ? 0 : 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      asan: { type: 'boolean', default: false },
      'check-neon': { type: 'boolean', default: false },
      optional: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
    },
  })
  const { 'check-neon': checkNeon, ...options } = values
  process.exitCode = await withLock(join(root, 'build', 'lock'), () => buildNativeOrExplain({ ...options, checkNeon }))
}

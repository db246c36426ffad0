/**
 * Does what a fresh clone lacks, with nothing but Node: dependencies, the native backend and, with --build, dist/.
 * Says nothing and returns at once when nothing is to do. `npm start` and `npm test` run it first.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildNativeOrExplain, isNativeBuilt } from './build-native.mjs'
import { withLock } from './lock.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const minimumNode = [20, 19]
const wantsDist = process.argv.includes('--build')
const dist = join(root, 'dist')
const distStamp = join(root, 'build', 'dist.sources')

class SetupFailed extends Error {}

requireNode()
try {
  if (!isReady()) await withLock(join(root, 'build', 'lock'), setUp)
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error
  console.error(`hence: ${error.message}`)
  process.exitCode = 1
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])) return
  console.error(`hence: needs Node ${minimumNode.join('.')} or newer, this is ${process.versions.node}. Get it from https://nodejs.org`)
  process.exit(1)
}

function isReady() {
  return hasDependencies() && isNativeSettled() && (!wantsDist || hasDist())
}

/** Another set-up may have done the work while this one waited for the lock, so each step asks again. */
async function setUp() {
  if (!hasDependencies()) installDependencies()
  if (!isNativeSettled()) await buildNativeOrExplain({ optional: true })
  if (wantsDist && !hasDist()) buildDist()
}

function isNativeSettled() {
  return process.env.HENCE_NATIVE === 'off' || isNativeBuilt()
}

/** Compares versions, not times: npm leaves the lock file and its own copy in node_modules in either order. */
function hasDependencies() {
  const installedPath = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installedPath)) return false
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(installedPath)
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true
    return installed[path] ? installed[path].version === version : optional || devOptional
  })
}

function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}

function installDependencies() {
  console.error('hence: installing dependencies (npm ci) ...')
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  run([...npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci failed; check the network and the npm registry')
}

/** Name, size and time of every source, so that a removed file counts as a change too. */
function sourceFingerprint() {
  const sources = readdirSync(join(root, 'src'), { recursive: true })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map(name => join('src', name))
  const page = readdirSync(join(root, 'web')).map(name => join('web', name))
  return [...sources, ...page, 'scripts/build-web.mjs', 'scripts/bundle.mjs', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
    .sort()
    .map(name => {
      const { size, mtimeMs } = statSync(join(root, name))
      return `${name} ${size} ${mtimeMs}\n`
    })
    .join('')
}

function hasDist() {
  return existsSync(dist) && existsSync(distStamp) && readFileSync(distStamp, 'utf8') === sourceFingerprint()
}

/** Built beside dist/ and moved over it, so that dist/ is never half old and half new. */
function buildDist() {
  console.error('hence: compiling TypeScript ...')
  const fingerprint = sourceFingerprint()
  const next = join(root, 'dist-next')
  rmSync(next, { recursive: true, force: true })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  run([process.execPath, tsc, '-p', 'tsconfig.build.json', '--outDir', next], 'TypeScript did not compile')
  run([process.execPath, join(root, 'scripts', 'build-web.mjs'), join(next, 'web')], 'the page was not built')
  run([process.execPath, join('scripts', 'bundle.mjs'), root, next], 'the compiled files could not be bundled')
  rmSync(dist, { recursive: true, force: true })
  renameSync(next, dist)
  writeFileSync(distStamp, fingerprint)
}

function run([program, ...args], failure) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  throw new SetupFailed(`${failure}${error ? ` (${error.message})` : ''}`)
}

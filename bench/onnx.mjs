/**
 * Hence against ONNX Runtime (onnxruntime-node) on the sets of onnx-cases.mjs, in alternating rounds of separate processes
 * on an idle machine. Outputs of both are compared in every round.
 *
 *   npm run bench:onnx -- [--rounds 3] [--set cnn,encoder,int8,nbits,tiny,trees] [--threads 1,2] [--only TEXT] [--seconds 2]
 *     [--precision exact|fast] [--targets avx2,avx512] [--folder DIR] [--idle] [--json FILE]
 *
 * Makes the models (1.5 GB) in DIR, installs the peer in bench/ (300 MB), prints rows for bench/RESULTS.md.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { deserialize } from 'node:v8'
import { SETS } from './onnx-cases.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '..')
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    set: { type: 'string', default: Object.keys(SETS).join() },
    threads: { type: 'string', default: '1,2' },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '2' },
    precision: { type: 'string', default: 'exact' },
    targets: { type: 'string', default: '' },
    folder: { type: 'string', default: join(tmpdir(), 'hence-bench') },
    idle: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const list = text => text.split(',').filter(Boolean)
const unknown = list(options.set).filter(name => !(name in SETS))
if (unknown.length > 0) {
  console.error(`there is no set ${unknown.join()}; sets: ${Object.keys(SETS).join()}`)
  process.exit(2)
}
const TESTDATA = process.env.HENCE_TESTDATA ?? join(root, '..', 'shared', 'testdata')
const MOST_STOLEN = 0.01
const MOST_REPEATS = 5
const QUIET_LOAD = 0.3

installPeer()
printHead()
const everything = []
for (const set of list(options.set))
  for (const threads of list(options.threads).map(Number)) everything.push(...(await measureSet(set, threads)))
if (options.json) writeFileSync(options.json, JSON.stringify(everything, null, 2))
process.exitCode = everything.some(row => !row.agrees) ? 1 : 0

async function measureSet(set, threads) {
  console.log(`\n${set}, ${threads} thread${threads === 1 ? '' : 's'}, ${options.precision}\n`)
  console.log(
    '| model | Hence ms | ONNX Runtime ms | ratio | first result ms | peer | peak MB | peer | event-loop p99 ms | peer | largest difference | stolen % |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|')
  const rows = []
  for (const item of SETS[set].filter(({ name }) => name.includes(options.only)))
    for (const target of ['', ...list(options.targets)]) rows.push(await measureCase(set, item, threads, target))
  printPerNode(rows)
  const targets = [...new Set(rows.map(row => row.target))]
  for (const target of targets) {
    const counted = rows.filter(row => row.target === target && !row.isBaseline && row.agrees)
    const ratio = key => `${geometricMean(counted.map(row => row[key])).toFixed(2)}×`
    if (counted.length > 0)
      console.log(
        `\n${target} geometric mean of ${counted.length}: ${ratio('ratio')}, slowest ${Math.min(...counted.map(row => row.ratio)).toFixed(2)}×; first result ${ratio('firstRatio')}, peak memory ${ratio('memoryRatio')} (all: more is better for Hence)`.trimStart(),
      )
  }
  return rows
}

/** All rounds of one case; the engine that begins changes from round to round. */
async function measureCase(set, item, threads, target) {
  const path = await modelPath(item)
  const job = { path, inputs: item.inputs, threads, seconds: Number(options.seconds) }
  const own = { ...job, engine: 'hence', precision: options.precision, ...(target ? { target } : {}) }
  const peer = { ...job, engine: 'ort' }
  // Fills the cache of measured kernels.
  measure({ ...own, seconds: 0.1 })
  const rounds = []
  let repeats = 0
  while (rounds.length < Number(options.rounds)) {
    const results = {}
    let stolen = 0
    for (const work of rounds.length % 2 === 0 ? [peer, own] : [own, peer]) {
      await quiet()
      results[work.engine] = measure(work)
      stolen = Math.max(stolen, results[work.engine].stolen)
    }
    if (stolen > MOST_STOLEN && repeats < MOST_REPEATS) {
      repeats++
      console.log(`  (${item.name}: repeated, the host took ${(100 * stolen).toFixed(1)} % of the processor time)`)
      continue
    }
    rounds.push({ ...results, stolen, difference: largestDifference(results.hence.outputs, results.ort.outputs) })
  }
  return report(set, item, threads, target, rounds)
}

function report(set, item, threads, target, rounds) {
  const pick = f => rounds.map(f)
  const ratios = pick(r => r.ort.medianMs / r.hence.medianMs)
  const difference = Math.max(...pick(r => r.difference))
  const agrees = difference <= item.tolerance
  const row = {
    set,
    name: item.name,
    threads,
    target,
    backend: rounds[0].hence.backend,
    isBaseline: item.isBaseline ?? false,
    agrees,
    difference,
    henceMs: median(pick(r => r.hence.medianMs)),
    peerMs: median(pick(r => r.ort.medianMs)),
    ratio: median(ratios),
    ratios,
    firstRatio: median(pick(r => r.ort.firstResultMs / r.hence.firstResultMs)),
    memoryRatio: median(pick(r => r.ort.peakBytes / r.hence.peakBytes)),
    loadDelayMs: Math.max(...pick(r => r.hence.loadDelayMs)),
    stolen: Math.max(...pick(r => r.stolen)),
  }
  const both = (key, digits, scale = 1) =>
    ['hence', 'ort'].map(engine => (median(pick(r => r[engine][key])) * scale).toFixed(digits)).join(' | ')
  const digits = row.peerMs < 1 ? 4 : row.peerMs < 100 ? 2 : 0
  console.log(
    `| ${item.name}${target ? ` ${target}` : ''} | ${both('medianMs', digits)} | ${spread(ratios)} | ${both('firstResultMs', 0)} | ${both('peakBytes', 0, 2 ** -20)} | ${both('delayP99Ms', 1)} | ${difference.toExponential(1)}${agrees ? '' : ' **differs**'} | ${(100 * row.stolen).toFixed(1)} |`,
  )
  return row
}

/** What each further node of a chain costs: the long chain less the short one. */
function printPerNode(rows) {
  const [short, long] = ['nodes-1', 'nodes-200'].map(name => rows.find(row => row.name === name && row.target === ''))
  if (!short || !long) return
  const perNode = key => ((long[key] - short[key]) * 1e6) / 199
  const [own, peer] = [perNode('henceMs'), perNode('peerMs')]
  console.log(`\nper node: Hence ${own.toFixed(0)} ns, ONNX Runtime ${peer.toFixed(0)} ns, ${(peer / own).toFixed(2)}×`)
}

function measure(work) {
  const answers = join(options.folder, `answers-${work.engine}.bin`)
  const before = processorTimes()
  const env = { ...process.env, HENCE_CACHE: join(options.folder, 'cache') }
  const output = execFileSync(process.execPath, [join(here, 'run-onnx.mjs'), JSON.stringify({ ...work, answers })], {
    cwd: here,
    env,
    encoding: 'utf8',
  })
  const after = processorTimes()
  const stolen = (after.stolen - before.stolen) / Math.max(1, after.all - before.all)
  const outputs = deserialize(readFileSync(answers))
  rmSync(answers)
  return { ...JSON.parse(output), stolen, outputs }
}

/** Ticks of all processors: in all, and those the host gave to others. */
function processorTimes() {
  const ticks = existsSync('/proc/stat') ? readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1).map(Number) : [0]
  return { all: ticks.slice(0, 8).reduce((a, b) => a + b), stolen: ticks[7] ?? 0 }
}

/** The largest difference of any element, relative to the largest element of its output; infinite for other shapes. */
function largestDifference(a, b) {
  let worst = Object.keys(a).length === Object.keys(b).length ? 0 : Number.POSITIVE_INFINITY
  for (const [name, { shape, data }] of Object.entries(b)) {
    const own = a[name]
    if (!own || own.shape.join() !== shape.join()) return Number.POSITIVE_INFINITY
    let largest = 0
    let difference = 0
    for (let i = 0; i < data.length; i++) {
      largest = Math.max(largest, Math.abs(Number(data[i])))
      const distance = Math.abs(Number(data[i]) - Number(own.data[i]))
      if (!(distance <= difference)) difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance
    }
    worst = Math.max(worst, difference === 0 ? 0 : difference / Math.max(largest, Number.MIN_VALUE))
  }
  return worst
}

/** Waits until nothing else runs: until the load average is low, or with `--idle` until the processors were idle for a second. */
async function quiet() {
  for (let waited = 0; waited < 300; waited++) {
    const before = busyMs()
    if (!options.idle && loadavg()[0] < QUIET_LOAD) return
    await sleep(1000)
    if (options.idle && busyMs() - before < 50) return
  }
}

function busyMs() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys, 0)
}

async function modelPath({ file, make }) {
  mkdirSync(options.folder, { recursive: true })
  if (file?.startsWith('light/')) {
    if (!existsSync(join(options.folder, file)))
      execFileSync('tar', ['xzf', join(TESTDATA, 'onnx', 'light-models.tar.gz'), '-C', options.folder])
    return join(options.folder, file)
  }
  if (file) return join(TESTDATA, file)
  const path = join(options.folder, `${make}.onnx`)
  if (!existsSync(path)) execFileSync(process.execPath, [join(here, 'make-models.mjs'), options.folder, make], { stdio: 'inherit' })
  return path
}

function installPeer() {
  if (existsSync(join(here, 'node_modules', 'onnxruntime-node'))) return
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }
  spawnSync('npm', ['install', '--ignore-scripts', '--no-package-lock'], { cwd: here, env, stdio: 'inherit' })
}

function printHead() {
  const { version } = JSON.parse(readFileSync(join(here, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8'))
  const peerBytes = ['onnxruntime-node', 'onnxruntime-common'].reduce((sum, name) => sum + bytesUnder(join(here, 'node_modules', name)), 0)
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const needed = Object.keys(dependencies).map(name => join('node_modules', name))
  const built = existsSync(join(root, 'build', 'native'))
    ? readdirSync(join(root, 'build', 'native')).filter(name => name.endsWith('.node'))
    : []
  const own = ['dist', 'native', ...built.map(name => join('build', 'native', name)), ...needed]
  const ownBytes = own.reduce((sum, folder) => sum + bytesUnder(join(root, folder)), 0)
  const megabytes = bytes => `${(bytes / 1e6).toFixed(1)} MB`
  console.log(
    `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, onnxruntime-node ${version}, ${options.rounds} rounds of ${options.seconds} s\ninstalled: Hence ${megabytes(ownBytes)} (with its source and the built backend), ONNX Runtime ${megabytes(peerBytes)}`,
  )
}

function bytesUnder(path) {
  if (!existsSync(path)) return 0
  const stats = statSync(path)
  return stats.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), 0) : stats.size
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

function spread(values) {
  return `${median(values).toFixed(2)}× (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`
}

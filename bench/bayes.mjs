/**
 * Bayesian networks: all marginals, single questions, reading of files, against bayesjs where that finishes.
 *
 *   npm run --silent build && node bench/bayes.mjs [--no-wait] [--random] [NETWORK…]
 *
 * Networks come from the testdata (HENCE_TESTDATA, else ../shared/testdata); `--random` adds random ones with the sizes of
 * water, munin, diabetes and link (some minutes, 2 GB). Every time is the median of runs with new findings, in one thread.
 * Prints rows for bench/RESULTS.md. The peer is in bench/package.json: `npm install --ignore-scripts --no-package-lock` in bench/.
 */
import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { BayesNet, load, writeBif } from '../dist/index.js'
import { quiet } from './quiet.mjs'
import { randomNetwork, randomNumbers } from './random-network.mjs'

const { values: flags, positionals } = parseArgs({
  options: { 'no-wait': { type: 'boolean' }, random: { type: 'boolean' } },
  allowPositionals: true,
})
const testdata = process.env.HENCE_TESTDATA ?? fileURLToPath(new URL('../../shared/testdata', import.meta.url))
const names = positionals.length > 0 ? positionals : ['asia', 'cancer', 'earthquake', 'survey', 'sachs', 'child', 'alarm', 'insurance']
/** bayesjs does not finish these within minutes. */
const TOO_MUCH_FOR_PEER = new Set(['insurance'])

/** Built to the sizes of the networks they are named after; `goalMs` is what a plain junction tree in JavaScript took for those. */
const RANDOM = [
  { name: 'as water', variables: 32, arcs: 66, states: [3, 4], zeros: 0.52, maxParents: 5, window: 23, seed: 9, goalMs: 346 },
  { name: 'as diabetes', variables: 413, arcs: 602, states: [8, 21], zeros: 0.76, maxParents: 2, window: 4, seed: 4, goalMs: 389 },
  { name: 'as munin', variables: 1041, arcs: 1397, states: [2, 9], zeros: 0.56, window: 14, seed: 1, goalMs: 671 },
  { name: 'as link', variables: 724, arcs: 1125, states: [2, 4], zeros: 0.67, window: 24, seed: 5, goalMs: 2300 },
  { name: 'as munin, no zeros', variables: 1041, arcs: 1397, states: [2, 9], zeros: 0, window: 14, seed: 1, goalMs: 671 },
]

const peer = await import('bayesjs').then(
  module => module.default ?? module,
  () => undefined,
)
if (!peer) console.error('bayesjs is not installed: npm install --ignore-scripts --no-package-lock in bench/ brings the peer')
if (!flags['no-wait']) await quiet()
console.log(`${cpus()[0].model}, Node ${process.version}, one thread\n`)

row(
  'network',
  'variables',
  'cells',
  'width',
  'compile ms',
  'all marginals ms',
  'one finding changed ms',
  'one question ms',
  'bayesjs all ms',
  'ratio',
  'largest difference',
)
row(...Array.from({ length: 11 }, () => '---'))
for (const name of names) {
  const path = join(testdata, 'bayes', `${name}.bif.gz`)
  if (!existsSync(path)) throw new RangeError(`${path} is missing`)
  const net = await load(path, { kind: 'network' })
  const own = measure(net)
  const other = peer && !TOO_MUCH_FOR_PEER.has(name) ? measurePeer(net) : undefined
  row(
    name,
    net.variables.length,
    own.cells,
    own.width,
    own.compileMs,
    own.allMs,
    own.changedMs,
    own.questionMs,
    other ? other.ms : '–',
    other ? `${Math.round(other.ms / own.allMs)}×` : '–',
    other ? other.difference.toExponential(1) : '–',
  )
}
if (flags.random) {
  console.log()
  row('network', 'variables', 'cells', 'compile ms', 'first time ms', 'all marginals ms', 'goal ms')
  row(...Array.from({ length: 7 }, () => '---'))
  for (const { goalMs, ...options } of RANDOM) {
    const own = measureTree(BayesNet.from(randomNetwork(options)), randomNumbers(1), 7)
    row(options.name, options.variables, own.cells, own.compileMs, own.firstMs, own.allMs, goalMs)
  }
  console.log()
  row(
    'one question, five findings',
    'variables',
    'arcs',
    'median ms',
    '90th percentile ms',
    'cells of the median question',
    'too large for exact %',
  )
  row(...Array.from({ length: 7 }, () => '---'))
  for (const [arcs, states] of [
    [1100, [2, 5]],
    [1250, [2, 5]],
    [1250, [2, 12]],
  ]) {
    const net = BayesNet.from(randomNetwork({ name: '', variables: 1000, arcs, window: 1000, states, zeros: 0.3, seed: 3 }))
    const { questionMs, slowMs, questionCells, tooLarge } = measureQuestions(net, randomNumbers(2), 400)
    row(`up to ${states[1]} states`, 1000, arcs, questionMs, slowMs, questionCells, 100 * tooLarge)
  }
}
console.log()
row('reading', 'MB', 'ms', 'MB/s')
row('---', '---', '---', '---')
for (const name of ['alarm', 'insurance']) {
  const bytes = gunzipSync(readFileSync(join(testdata, 'bayes', `${name}.bif.gz`)))
  await measureReading(name, bytes)
}
const { name, ...large } = RANDOM[1]
// Published files have about seven digits.
const described = randomNetwork({ name, ...large })
for (const { table } of described.variables) for (const [i, p] of table.entries()) table[i] = Number(p.toFixed(7))
await measureReading(name, Buffer.from(writeBif(described)))

function measure(net) {
  const random = randomNumbers(1)
  return { ...measureTree(net, random, 101), ...measureQuestions(net, random, 101) }
}

/** All marginals from one compiled tree: with new findings for a fifth of the variables, and with one changed. */
function measureTree(net, random, runs) {
  const begun = performance.now()
  const tree = net.compile({ maxCells: 1e9 })
  const planned = performance.now()
  tree.posteriors()
  const firstMs = performance.now() - planned
  const compileMs = median(
    Math.min(runs, 21),
    () => {},
    () => net.compile({ maxCells: 1e9 }),
  )
  const cases = Array.from({ length: 16 }, () => likelyFindings(net, random, 0.2))
  let at = 0
  const allMs = median(
    runs,
    () => tree.unset().set(cases[at++ % cases.length]),
    () => tree.posteriors(),
  )
  tree.unset()
  tree.posteriors()
  const changedMs = median(
    runs,
    () => {
      const [name, finding] = Object.entries(cases[at++ % cases.length])[0] ?? [net.variables[0], 0]
      tree.unset().set({ [name]: finding })
    },
    () => tree.posteriors(),
  )
  const { cells, width } = tree.plan
  return { cells, width, compileMs: Math.min(compileMs, planned - begun), firstMs, allMs, changedMs }
}

/** One variable given five findings, by a plan of its own. */
function measureQuestions(net, random, runs) {
  const times = []
  const cells = []
  let tooLarge = 0
  for (let i = 0; i < runs; i++) {
    const target = net.variables[Math.floor(random() * net.variables.length)]
    const given = Object.fromEntries(Object.entries(likelyFindings(net, random, 8 / net.variables.length)).slice(0, 5))
    const begun = performance.now()
    try {
      const { details } = net.query(target, { given, method: 've' })
      times.push(performance.now() - begun)
      cells.push(details.cells)
    } catch (error) {
      if (error.code !== 'INFERENCE_TOO_LARGE') throw error
      tooLarge++
    }
  }
  times.sort((a, b) => a - b)
  cells.sort((a, b) => a - b)
  const at = share => Math.floor(times.length * share)
  return { questionMs: times[at(0.5)], slowMs: times[at(0.9)], questionCells: cells[at(0.5)], tooLarge: tooLarge / runs }
}

/** Findings that are possible together: drawn state by state, each given the ones before. */
function likelyFindings({ network }, random, share) {
  const states = []
  for (const index of network.order) {
    const { states: names, parents, cpt } = network.variables[index]
    const row = parents.reduce((at, parent) => at * network.variables[parent].states.length + states[parent], 0) * names.length
    const u = random()
    let sum = 0
    for (let s = 0; s < names.length && sum <= u; s++) {
      sum += cpt[row + s]
      if (cpt[row + s] > 0) states[index] = s
    }
  }
  const known = network.variables.filter(() => random() < share)
  return Object.fromEntries(known.map(({ name, index }) => [name, states[index]]))
}

function measurePeer(net) {
  const nodes = {}
  for (const { name, states, parents, cpt } of net.network.variables) {
    const named = parents.map(parent => net.network.variables[parent])
    const rows = Array.from({ length: cpt.length / states.length }, (_, row) => {
      let rest = row
      const when = {}
      for (const { name: parent, states: own } of named.toReversed()) {
        when[parent] = own[rest % own.length]
        rest = Math.floor(rest / own.length)
      }
      // biome-ignore lint/suspicious/noThenProperty: the peer calls it that
      return { when, then: Object.fromEntries(states.map((state, s) => [state, cpt[row * states.length + s]])) }
    })
    nodes[name] = {
      id: name,
      states: [...states],
      parents: named.map(parent => parent.name),
      cpt: parents.length === 0 ? rows[0].then : rows,
    }
  }
  const inferAll = () => peer.inferAll(nodes, {}, { force: true })
  const answer = inferAll()
  const own = net.query()
  let difference = 0
  for (const name of net.variables)
    for (const [s, state] of net.states(name).entries()) difference = Math.max(difference, Math.abs(answer[name][state] - own[name][s]))
  return { ms: median(5, () => {}, inferAll), difference }
}

async function measureReading(name, bytes) {
  const { openNetwork } = await import('../dist/index.js')
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs')
  const folder = mkdtempSync('/tmp/hence-bench-')
  const path = join(folder, 'network.bif')
  writeFileSync(path, bytes)
  const times = []
  for (let i = 0; i < 21; i++) {
    const begun = performance.now()
    await openNetwork(path)
    times.push(performance.now() - begun)
  }
  rmSync(folder, { recursive: true })
  const ms = times.sort((a, b) => a - b)[10]
  row(name, (bytes.length / 1e6).toFixed(2), ms, (bytes.length / 1e3 / ms).toFixed(1))
}

function median(runs, prepare, work) {
  const times = []
  for (let i = 0; i < runs; i++) {
    prepare()
    const begun = performance.now()
    work()
    times.push(performance.now() - begun)
  }
  return times.sort((a, b) => a - b)[runs >> 1]
}

function row(...cells) {
  const shown = cells.map(cell => (typeof cell === 'number' && !Number.isInteger(cell) ? cell.toPrecision(3) : String(cell)))
  console.log(`| ${shown.join(' | ')} |`)
}

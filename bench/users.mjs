/**
 * Many users at once: eight together against llama.cpp (through node-llama-cpp) in alternating rounds; and, of Hence alone,
 * what a step of eight costs against a step of one, a shared prefix, a long prompt beside answers being written, and
 * scheduling and sampling of 64 sequences.
 *
 *   npm run bench:users -- [--rounds 3] [--types q8_0,q4_0,q4_k_m] [--targets avx512,avx2] [--folder DIR] [--idle]
 *
 * Uses the models that `npm run bench:llm` makes in DIR (and makes them where they are missing).
 */
import { cpus } from 'node:os'
import { installPeer, measure, median, modelOf, options, spread, targets, types } from './language-models.mjs'
import { undisturbed } from './quiet.mjs'

installPeer()
console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, 2 threads, fast, ${options.rounds} rounds\n`)
console.log(
  '| model | backend | 8 users tok/s | peer | ratio | 1 user tok/s | peer | step of 8 ÷ step of 1 | bytes/token ÷ bandwidth at 1 | load before | stolen |',
)
console.log('|---|---|---|---|---|---|---|---|---|---|---|')
const measured = []
for (const type of types) {
  const model = modelOf(type)
  const rounds = []
  for (let round = 0; round < Number(options.rounds); round++) {
    const peer = await undisturbed(() => measure('peer-users.mjs', [model, '2']), options)
    const hence = await undisturbed(() => measure('hence-users.mjs', ['decode', model, '2']), options)
    rounds.push({ peer: peer.result, hence: hence.result, runs: [peer, hence] })
  }
  decodeRow(type, rounds)
  for (const target of targets) {
    const run = await undisturbed(() => measure('hence-users.mjs', ['decode', model, '2', target]), options)
    decodeRow(type, [{ hence: run.result, runs: [run] }])
  }
  measured.push([type, await undisturbed(() => measure('hence-users.mjs', ['shares', model, '2']), options)])
}
console.log(`
| model | prefix of 2,000 tokens: cold ms | found ms | ratio | ITL of 4 streams, p99 ms: alone | beside a prompt of 4,000 | ratio | step of 64 ms | of it scheduling and sampling: greedy | usual | top-p alone | stolen |
|---|---|---|---|---|---|---|---|---|---|---|---|`)
for (const [type, { result, stolen }] of measured) sharesRow(type, result, stolen)

function decodeRow(type, rounds) {
  const pick = f => rounds.map(f)
  const peerOf = f => (rounds[0].peer ? f() : '')
  const cells = [
    type,
    rounds[0].hence.backend,
    spread(pick(r => r.hence.decode[8])),
    peerOf(() => spread(pick(r => r.peer.decode[8]))),
    peerOf(() => `${median(pick(r => r.hence.decode[8] / r.peer.decode[8])).toFixed(2)}×`),
    spread(pick(r => r.hence.decode[1])),
    peerOf(() => spread(pick(r => r.peer.decode[1]))),
    spread(
      pick(({ hence: { decode } }) => (8 * decode[1]) / decode[8]),
      2,
    ),
    `${median(pick(({ hence }) => (100 * hence.stepWeightBytes * hence.decode[1]) / hence.bandwidth)).toFixed(0)} %`,
    Math.max(...rounds.flatMap(r => r.runs.map(run => run.load))).toFixed(2),
    `${(100 * Math.max(...rounds.flatMap(r => r.runs.map(run => run.stolen)))).toFixed(1)} %`,
  ]
  console.log(`| ${cells.join(' | ')} |`)
}

function sharesRow(type, { coldMs, hitMs, alone, beside, scheduling }, stolen) {
  const share = name => `${((100 * scheduling[name].otherMs) / scheduling[name].stepMs).toFixed(1)} %`
  const cells = [
    type,
    coldMs.toFixed(0),
    hitMs.toFixed(0),
    `${(coldMs / hitMs).toFixed(0)}×`,
    alone.p99.toFixed(0),
    beside.p99.toFixed(0),
    `${(beside.p99 / alone.p99).toFixed(2)}×`,
    scheduling.greedy.stepMs.toFixed(0),
    ...['greedy', 'usual', 'top-p alone'].map(share),
    `${(100 * stolen).toFixed(1)} %`,
  ]
  console.log(`| ${cells.join(' | ')} |`)
}

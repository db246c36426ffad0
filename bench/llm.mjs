/**
 * Hence against llama.cpp (through node-llama-cpp) on one sequence: decode and prefill at q8_0, q4_0 and q4_k_m, in
 * alternating rounds on an idle machine.
 *
 *   npm run bench:llm -- [--rounds 3] [--types q8_0,q4_0,q4_k_m] [--targets avx512,avx2] [--folder DIR] [--idle]
 *
 * A run in which the host took more than 1 % of the processors' time away is repeated (`stolen` says what is left).
 * Makes the random models (2 GB) in DIR, installs the peer in bench/ (725 MB), prints rows for bench/RESULTS.md. With g++ and a
 * matrix unit it also tells what part of that unit's bf16 peak a prompt reaches (bf16-peak.cc).
 */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { here, installPeer, measure, median, modelOf, options, spread, targets, types } from './language-models.mjs'
import { undisturbed } from './quiet.mjs'

const WORK = ['2', '512', '64']

installPeer()
const models = Object.fromEntries(types.map(type => [type, modelOf(type)]))
const peak = await measurePeak()
console.log(
  `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, 2 threads, prompt 512, generate 64, ${options.rounds} rounds${peak ? `, bf16 peak ${(peak / 1e12).toFixed(2)} Tflop/s` : ''}\n`,
)
console.log(
  '| model | backend | decode tok/s | peer | ratio | bytes/token ÷ bandwidth | prefill tok/s | peer | ratio | of the bf16 peak | second start to first token ms | event-loop p99 ms | fast·exact cosine | load before | stolen |',
)
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|')
for (const [type, model] of Object.entries(models)) {
  measure('hence-llm.mjs', [model, ...WORK]) // fills the cache
  const rounds = []
  for (let round = 0; round < Number(options.rounds); round++) {
    const peer = await undisturbed(() => measure('peer-llama.mjs', [model, ...WORK]), options)
    const hence = await undisturbed(() => measure('hence-llm.mjs', [model, ...WORK]), options)
    rounds.push({ peer: peer.result, hence: hence.result, runs: [peer, hence] })
  }
  row(type, rounds)
  for (const target of targets) {
    const run = await undisturbed(() => measure('hence-llm.mjs', [model, ...WORK, target]), options)
    row(type, [{ peer: undefined, hence: run.result, runs: [run] }])
  }
}

/** Floating-point operations a second of two threads in the matrix unit; undefined without one or without a compiler. */
async function measurePeak() {
  const program = join(options.folder, 'bf16-peak')
  const flags = ['-O2', '-std=c++17', '-mamx-tile', '-mamx-bf16', '-pthread']
  if (spawnSync('g++', [...flags, join(here, 'bf16-peak.cc'), '-o', program]).status !== 0) return undefined
  const { result } = await undisturbed(() => Number(spawnSync(program, ['2'], { encoding: 'utf8' }).stdout), options)
  return result || undefined
}

function row(type, rounds) {
  const pick = f => rounds.map(f)
  const against = key =>
    rounds[0].peer ? [spread(pick(r => r.peer[key])), `${median(pick(r => r.hence[key] / r.peer[key])).toFixed(2)}×`] : ['', '']
  const share = pick(r => (100 * r.hence.stepWeightBytes * r.hence.decode) / r.hence.bandwidth)
  console.log(
    `| ${[
      type,
      rounds[0].hence.backend,
      spread(pick(r => r.hence.decode)),
      ...against('decode'),
      `${spread(share, 0)} % of ${spread(pick(r => r.hence.bandwidth / 1e9))} GB/s`,
      spread(
        pick(r => r.hence.prefill),
        0,
      ),
      ...against('prefill'),
      peak ? `${median(pick(r => (200 * r.hence.weightsPerToken * r.hence.prefill) / peak)).toFixed(0)} %` : '',
      spread(
        pick(r => r.hence.firstTokenMs),
        0,
      ),
      spread(pick(r => r.hence.delayP99Ms)),
      Math.min(...pick(r => r.hence.cosine)).toFixed(4),
      Math.max(...rounds.flatMap(r => r.runs.map(run => run.load))).toFixed(2),
      `${(100 * Math.max(...rounds.flatMap(r => r.runs.map(run => run.stolen)))).toFixed(1)} %`,
    ].join(' | ')} |`,
  )
}

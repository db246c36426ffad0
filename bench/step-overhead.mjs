/**
 * What a step costs beside its arithmetic: decoding a tiny model (a llama2.c checkpoint), where kernels take microseconds.
 *
 *   npm run bench:step -- MODEL.bin [--threads 2] [--tokens 400]
 */
import { parseArgs } from 'node:util'
import { openLlama2c } from '../dist/formats/index.js'
import { decoderFromLlama2c, startEngine } from '../dist/llm/index.js'

const {
  values,
  positionals: [path],
} = parseArgs({
  allowPositionals: true,
  options: { threads: { type: 'string', default: '2' }, tokens: { type: 'string', default: '400' } },
})
if (!path) {
  console.error('usage: npm run bench:step -- MODEL.bin [--threads N] [--tokens N]')
  process.exit(2)
}
const file = await openLlama2c(path)
const { engine, backend } = await startEngine(decoderFromLlama2c(file, path), { threads: Number(values.threads) })
const steps = Number(values.tokens)
const totals = []
const computes = []
for (let round = 0; round < 5; round++) {
  let computeMs = 0
  let count = 0
  const start = performance.now()
  await engine.run([1], {
    onLogits(row) {
      computeMs += engine.decoder.lastComputeMs
      return ++count < steps ? largest(row) : undefined
    },
  })
  totals.push(((performance.now() - start) * 1000) / steps)
  computes.push((computeMs * 1000) / steps)
}
await engine.dispose()
backend.dispose()
await file.close()
const best = totals.indexOf(Math.min(...totals))
console.log(
  `${backend.name}, ${values.threads} threads: ${totals[best].toFixed(0)} µs per step, ${computes[best].toFixed(0)} µs of it kernels, ${(totals[best] - computes[best]).toFixed(0)} µs overhead`,
)

function largest(row) {
  let best = 0
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i
  return best
}

/**
 * What a step costs beside its arithmetic: decoding a tiny model, where kernels take microseconds.
 *
 *   npm run bench:step -- MODEL [--threads 2] [--tokens 400]
 */
import { parseArgs } from 'node:util'
import { startEngine } from '../dist/llm/index.js'
import { openModel } from '../dist/tasks/index.js'

const {
  values,
  positionals: [path],
} = parseArgs({
  allowPositionals: true,
  options: { threads: { type: 'string', default: '2' }, tokens: { type: 'string', default: '400' } },
})
if (!path) {
  console.error('usage: npm run bench:step -- MODEL [--threads N] [--tokens N]')
  process.exit(2)
}
const model = await openModel(path, {})
const { engine, backend } = await startEngine(model.decoder, { threads: Number(values.threads) })
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
await model.decoder.checkpoint.close()
const best = totals.indexOf(Math.min(...totals))
console.log(
  `${backend.name}, ${values.threads} threads: ${totals[best].toFixed(0)} µs per step, ${computes[best].toFixed(0)} µs of it kernels, ${(totals[best] - computes[best]).toFixed(0)} µs overhead`,
)

function largest(row) {
  let best = 0
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i
  return best
}

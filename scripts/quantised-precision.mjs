/**
 * Prints the tables of docs/precision.md: what quantised weights cost a trained model, how closely `fast` follows dequantised
 * weights, and what keys and values of fewer bits cost. Needs the native addon and testdata (HENCE_TESTDATA).
 *
 *   node scripts/quantised-precision.mjs
 */
import { register } from 'node:module'

register('./typescript-hooks.mjs', import.meta.url)
const { WEIGHT_TYPES, STORAGE_TYPES } = await import('../src/formats/index.ts')
const { nativeBackend, targets } = await import('../src/backends/index.ts')
const { KV_TYPES } = await import('../src/llm/index.ts')
const { kvCosine, LARGEST_KV_GROWTH, SMALLEST_I8_COSINE, storiesPerplexity } = await import('../test/conformance/llm/kv-types.ts')
const { fastCosine, LARGEST_GROWTH, perplexities, QUANTISED_FILES } = await import('../test/conformance/llm/quantised.ts')

const percent = part => `${(part * 100).toFixed(2)} %`
const [best] = targets()
const backend = nativeBackend({ threads: 2, target: best })
const types = WEIGHT_TYPES.map(type => ({ type, bits: (8 * STORAGE_TYPES[type].blockBytes) / STORAGE_TYPES[type].blockElements }))
types.sort((a, b) => b.bits - a.bits)

process.stdout.write(
  '| matrices | bits | perplexity | growth | bound | change by `fast`, prompts | few tokens |\n|---|---|---|---|---|---|---|\n',
)
let plain
for (const { type, bits } of types) {
  const { exact, fast } = await perplexities(type, backend)
  plain ??= exact
  const changes = ['at once', 'few by few'].map(pace => percent(fast[pace] / exact - 1))
  const bound = type === 'f32' ? '' : percent(LARGEST_GROWTH[type])
  process.stdout.write(`| ${[type.toUpperCase(), bits, exact.toFixed(3), percent(exact / plain - 1), bound, ...changes].join(' | ')} |\n`)
}

process.stdout.write('\n| keys and values | perplexity | growth | bound |\n|---|---|---|---|\n')
for (const kvType of KV_TYPES) {
  const perplexity = await storiesPerplexity(kvType, backend, 'exact', 'at once')
  if (kvType === 'f32') plain = perplexity
  const bound = kvType === 'f32' ? '' : percent(LARGEST_KV_GROWTH[kvType])
  process.stdout.write(`| ${[kvType, perplexity.toFixed(4), percent(perplexity / plain - 1), bound].join(' | ')} |\n`)
}

process.stdout.write('\n| model | f16 | i8 | bound |\n|---|---|---|---|\n')
for (const [folder, bound] of Object.entries(SMALLEST_I8_COSINE)) {
  const cosines = []
  for (const kvType of ['f16', 'i8']) cosines.push((await kvCosine(folder, kvType, backend)).toFixed(5))
  process.stdout.write(`| ${[folder, ...cosines, bound].join(' | ')} |\n`)
}
backend.dispose()

process.stdout.write(`\n| file | ${targets().join(' | ')} |\n|---|${'---|'.repeat(targets().length)}\n`)
for (const [folder, file] of QUANTISED_FILES) {
  const cosines = []
  for (const target of targets()) {
    const one = nativeBackend({ threads: 2, target })
    cosines.push((await fastCosine(folder, file, one)).toFixed(5))
    one.dispose()
  }
  process.stdout.write(`| ${[file, ...cosines].join(' | ')} |\n`)
}

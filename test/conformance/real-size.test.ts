/**
 * Models of real size (width 1,024, heads of 128, vocabularies of 32,000) and prompts beyond 2,048 tokens: every backend
 * against what transformers computes. `test/references` makes the weights and holds the answers.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { normalizeHuggingFaceConfig } from '../../src/formats/index.ts'
import { Decoder, decoderFromHuggingFace, kvTypeOf, writeDecoder } from '../../src/llm/index.ts'
import { KV_BLOCK_TOKENS } from '../../src/program/index.ts'
import { availableBackends, type TestBackend } from '../backends.ts'
import { digestRow, type Expected, type ExpectedRow, type RowDigest, readExpected } from '../references/expected.ts'
import { generatedCheckpoint } from '../references/generated-checkpoint.ts'
import { checksum, elementCount, FAMILIES, fillTensor, promptIds, readRecipe } from '../references/recipe.ts'

/** Tensors that the quick test of the recipe leaves out. */
const LARGE_ELEMENTS = 2 ** 22

/**
 * The prompt is computed as two sequences side by side: in chunks of 512, and in pieces that end at and just behind the edges
 * of tiles, blocks and windows. A slice ends at each of these positions; together they are the positions of the answers.
 */
const SLICE_ENDS = [
  [511, 1_023, 1_535, 2_047, 2_112],
  [0, 1, 15, 16, 127, 128, 512, 513, 1_024, 1_536, 2_048, 2_112],
] as const

const SLICE_TOKENS = 512

/** For packing the weights and computing the prompt with the slowest instruction set on a busy machine. */
const HOOK_TIMEOUT_MS = 600_000

describe.each(FAMILIES)('%s', family => {
  const recipe = readRecipe(family)
  const expected = readExpected(family)

  test('the tensors of the vocabulary are those that numpy made', () => {
    const large = recipe.tensors.filter(tensor => elementCount(tensor) > LARGE_ELEMENTS)
    const sums = large.map(tensor => [tensor.name, checksum(fillTensor(tensor, 0, elementCount(tensor)))])
    expect(sums).toEqual(large.map(({ name }) => [name, expected.tensors[name]]))
  })

  for (const target of availableBackends()) {
    if (target.isNative) describe(target.name, () => describeDecoder(family, target))
    else test.skip(`${target.name}: plain TypeScript is too slow for models of real size`, () => {})
  }
})

function describeDecoder(family: (typeof FAMILIES)[number], target: TestBackend): void {
  const recipe = readRecipe(family)
  const expected = readExpected(family)
  const known = [...promptIds(recipe)]
  const contextLength = known.length + expected.greedy.ids.length
  let decoder: Decoder
  let dispose: () => void = () => {}
  const digests: PositionDigest[] = []

  beforeAll(async () => {
    const backend = target.open()
    dispose = () => backend.dispose()
    const config = normalizeHuggingFaceConfig(recipe.config)
    const source = decoderFromHuggingFace(config, generatedCheckpoint(recipe), family)
    const program = writeDecoder(source, { kvType: kvTypeOf('exact') })
    const blocks = SLICE_ENDS.length * blockTable(0, contextLength).length
    const limits = {
      tokens: SLICE_ENDS.length * SLICE_TOKENS,
      sequences: SLICE_ENDS.length,
      rows: SLICE_ENDS.length,
      context: contextLength,
      blocks,
    }
    decoder = await Decoder.compile(source, program, { backend, precision: 'exact', limits })
    digests.push(...(await promptDigests(decoder, known, expected)))
  }, HOOK_TIMEOUT_MS)

  afterAll(() => {
    decoder?.dispose()
    dispose()
  })

  test('logits of the prompt', () => {
    expect(digests).toHaveLength(SLICE_ENDS.flat().length)
    for (const { position, digest } of digests) expectRow(digest, expected.rows.find(row => row.position === position)!, expected)
  })

  test('greedy continuation', async () => {
    const blocks = blockTable(0, contextLength)
    const tokens = [...known]
    // The last token of the prompt is computed once more: its keys and values are already there, and are the same.
    while (tokens.length < contextLength) {
      const [row] = await logitRows(decoder, [{ tokens, start: tokens.length - 1, count: 1, rowCount: 1, blocks, stateSlot: 0 }])
      tokens.push(digestRow(row!, [], 1).argmax)
    }
    expect(tokens.slice(known.length)).toEqual(expected.greedy.ids)
  })
}

interface PositionDigest {
  readonly position: number
  readonly digest: RowDigest
}

/** Computes the prompt, both sequences slice by slice, and digests the logits where slices end. */
async function promptDigests(
  decoder: Decoder,
  tokens: readonly number[],
  { vocabularyIds, rows, greedy }: Expected,
): Promise<PositionDigest[]> {
  const digests: PositionDigest[] = []
  const blockCount = rows[0]!.blockSums.length
  const tables = SLICE_ENDS.map((_, sequence) => blockTable(sequence, tokens.length + greedy.ids.length))
  for (let step = 0; SLICE_ENDS.some(ends => step < ends.length); step++) {
    const sequences = SLICE_ENDS.flatMap((ends, sequence) => (step < ends.length ? [{ position: ends[step]!, sequence }] : []))
    const slices = sequences.map(({ position, sequence }) => {
      const start = step === 0 ? 0 : SLICE_ENDS[sequence]![step - 1]! + 1
      return { tokens, start, count: position + 1 - start, rowCount: 1, blocks: tables[sequence]!, stateSlot: sequence }
    })
    const logits = await logitRows(decoder, slices)
    digests.push(...sequences.map(({ position }, i) => ({ position, digest: digestRow(logits[i]!, vocabularyIds, blockCount) })))
  }
  return digests
}

/** Every other block of the pool, the second sequence's from the back. */
function blockTable(sequence: number, tokens: number): number[] {
  const count = Math.ceil(tokens / KV_BLOCK_TOKENS)
  return Array.from({ length: count }, (_, i) => SLICE_ENDS.length * (sequence === 0 ? i : count - 1 - i) + sequence)
}

async function logitRows(decoder: Decoder, slices: Parameters<Decoder['run']>[0]): Promise<Float32Array[]> {
  const { logits } = await decoder.run(slices)
  const { data } = logits as { data: Float32Array }
  const width = decoder.config.vocabulary
  return slices.map((_, i) => data.subarray(i * width, (i + 1) * width))
}

/** Ten times what float32 rounding was worth when the answer was made; logits never closer than 2e-4. */
function expectRow(actual: RowDigest, wanted: ExpectedRow, { noise }: Expected): void {
  const at = `at position ${wanted.position}`
  expect(actual.argmax, `most likely id ${at}`).toBe(wanted.argmax)
  const logitTolerance = Math.max(2e-4, 10 * noise.logits)
  expectClose(actual.logits, wanted.logits, logitTolerance, `logits ${at}`)
  expectClose([actual.max], [wanted.max], logitTolerance, `largest logit ${at}`)
  expectClose([actual.mean], [wanted.mean], Math.max(1e-6, 10 * noise.mean), `mean of logits ${at}`)
  expectClose([actual.norm], [wanted.norm], 10 * noise.norm, `norm of logits ${at}`)
  expectClose(actual.blockSums, wanted.blockSums, 10 * noise.blockSums, `sums of logits ${at}`)
}

function expectClose(actual: readonly number[], wanted: readonly number[], tolerance: number, what: string): void {
  const distances = actual.map((value, i) => Math.abs(value - wanted[i]!))
  expect(Math.max(...distances.map(value => (Number.isNaN(value) ? Infinity : value))), what).toBeLessThanOrEqual(tolerance)
}

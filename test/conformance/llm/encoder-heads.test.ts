/** Heads that no checkpoint of the testdata has, with arithmetic weights, against transformers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openHuggingFaceFolder } from '../../../src/formats/index.ts'
import { type EncoderSource, encoderFromHuggingFace, ImageTower, TextTower } from '../../../src/llm/index.ts'
import { availableBackends } from '../../backends.ts'
import { arithmetic, type HeadReference, headReferences, writeHeadFolder } from '../../references/encoders/index.ts'
import { largestDifference } from './reference-model.ts'

const TOLERANCE = 2e-4
const root = mkdtempSync(join(tmpdir(), 'hence-heads-'))
afterAll(() => rmSync(root, { recursive: true }))

async function open(name: string, reference: HeadReference, rename?: (name: string) => string): Promise<EncoderSource> {
  const folder = join(root, name)
  writeHeadFolder(folder, reference, rename)
  const { config, checkpoint } = await openHuggingFaceFolder(folder)
  return encoderFromHuggingFace(config, checkpoint, name)
}

/** Every `rowStep`th row, of it every `step`th number. */
function sampled(values: Float32Array, width: number, rowStep: number, step: number): Float32Array {
  const taken: number[] = []
  for (let row = 0; row * width < values.length; row += rowStep) for (let d = 0; d < width; d += step) taken.push(values[row * width + d]!)
  return Float32Array.from(taken)
}

async function checkTexts(tower: TextTower, texts: HeadReference['texts']): Promise<void> {
  const results = await tower.run(
    texts.map(({ ids, types }) => ({ tokens: ids, types: types ?? undefined, rows: true })),
    { hidden: true },
  )
  for (const [i, { hidden, head }] of results.entries()) {
    const expected = texts[i]!
    expect(largestDifference(sampled(hidden!, 32, 7, 8), Float32Array.from(expected.hidden)), `text ${i} hidden`).toBeLessThan(TOLERANCE)
    const rows = tower.headSize > 64 ? sampled(head, tower.headSize, 7, 32) : head
    expect(largestDifference(rows, Float32Array.from(expected.head)), `text ${i} head`).toBeLessThan(TOLERANCE)
  }
}

describe.each(availableBackends())('$name', ({ open: openBackend }) => {
  const backend = openBackend()
  afterAll(() => backend.dispose())
  const options = { backend, precision: 'exact' } as const

  test.each(Object.entries(headReferences()))('%s', async (name, reference) => {
    const source = await open(name, reference)
    if (source.text) {
      const tower = await TextTower.compile(source.text, options)
      await checkTexts(tower, reference.texts)
      tower.dispose()
    } else {
      const tower = await ImageTower.compile(source.image!, options)
      const { hidden, head } = await tower.run(arithmetic(reference.seed, 999, [2, 3, 20, 20], 1))
      const pictures = [0, 1].flatMap(i =>
        Array.from(sampled(hidden.subarray(i * tower.tokens * 32, (i + 1) * tower.tokens * 32), 32, 3, 8)),
      )
      expect(largestDifference(Float32Array.from(pictures), Float32Array.from(reference.hidden!))).toBeLessThan(TOLERANCE)
      expect(largestDifference(head, Float32Array.from(reference.head!))).toBeLessThan(TOLERANCE)
      tower.dispose()
    }
    await source.checkpoint.close()
  })

  test('norms called gamma and beta, no prefix', async () => {
    const reference = headReferences()['bert token']!
    const rename = (name: string): string =>
      name
        .replace(/^bert\./, '')
        .replace(/LayerNorm\.weight$/, 'LayerNorm.gamma')
        .replace(/LayerNorm\.bias$/, 'LayerNorm.beta')
    const source = await open('gamma', reference, rename)
    const tower = await TextTower.compile(source.text!, options)
    await checkTexts(tower, reference.texts)
    tower.dispose()
    await source.checkpoint.close()
  })
})

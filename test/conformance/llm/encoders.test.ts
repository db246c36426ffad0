/**
 * Small random encoders against what transformers computes: hidden states, logits and embeddings, on every backend, for
 * texts alone and packed beside each other.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/index.ts'
import { type Checkpoint, openHuggingFaceFolder, openSafetensors, readFloat32 } from '../../../src/formats/index.ts'
import { type EncoderSource, encoderFromHuggingFace, ImageTower, TextTower } from '../../../src/llm/index.ts'
import { availableBackends, type TestBackend } from '../../backends.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { largestDifference } from './reference-model.ts'

const TOLERANCE = 2e-4

/** A folder of `refs/` with its answers. */
async function openReference(name: string): Promise<{ source: EncoderSource; answers: Checkpoint }> {
  const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', name))
  const source = await encoderFromHuggingFace(config, checkpoint, name)
  return { source, answers: await openSafetensors(testdata('refs', name, 'reference.safetensors')) }
}

async function numbers({ tensors }: Checkpoint, name: string): Promise<Float32Array> {
  const tensor = tensors.get(name)
  expect(tensor, name).toBeDefined()
  return readFloat32(tensor!)
}

/** Whole numbers of up to 64 bits. */
async function integers({ tensors }: Checkpoint, name: string): Promise<number[]> {
  const bytes = await tensors.get(name)!.read()
  return Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8), Number)
}

/** Reference names and the outputs that show them. */
const TEXT_TAPS = { hidden_embed: 'embeddings', hidden_layer0: 'layer0', hidden_final: 'hidden', logits: 'head' }

function describeTexts(name: string, target: TestBackend): void {
  let backend: Backend
  let tower: TextTower
  let source: EncoderSource
  let answers: Checkpoint
  const texts: { tokens: number[]; types: number[]; rows: true }[] = []

  beforeAll(async () => {
    ;({ source, answers } = await openReference(name))
    backend = target.open()
    tower = await TextTower.compile(source.text!, { backend, precision: 'exact', hasTaps: true })
    for (let i = 0; answers.tensors.has(`prompt${i}.input_ids`); i++)
      texts.push({
        tokens: await integers(answers, `prompt${i}.input_ids`),
        types: await integers(answers, `prompt${i}.token_type_ids`),
        rows: true,
      })
  })
  afterAll(async () => {
    tower?.dispose()
    backend?.dispose()
    await Promise.all([answers?.close(), source?.checkpoint.close()])
  })

  test('hidden states and logits of each text', async () => {
    expect(texts.length).toBeGreaterThan(3)
    for (const [i, text] of texts.entries()) {
      const outputs = await tower.runStep([text])
      for (const [what, tap] of Object.entries(TEXT_TAPS))
        expect(largestDifference(outputs[tap]!, await numbers(answers, `prompt${i}.${what}`)), `prompt ${i} ${what}`).toBeLessThan(
          TOLERANCE,
        )
    }
  })

  test('all texts packed, without padding', async () => {
    const results = await tower.run(texts, { hidden: true })
    for (const [i, { hidden, head }] of results.entries()) {
      expect(largestDifference(hidden!, await numbers(answers, `prompt${i}.hidden_final`)), `prompt ${i} hidden`).toBeLessThan(TOLERANCE)
      expect(largestDifference(head, await numbers(answers, `prompt${i}.logits`)), `prompt ${i} logits`).toBeLessThan(TOLERANCE)
    }
  })
}

function describeClip(target: TestBackend): void {
  test('texts and pictures meet in one space', async () => {
    const { source, answers } = await openReference('clip')
    const backend = target.open()
    const options = { backend, precision: 'exact', hasTaps: true } as const
    const [text, image] = await Promise.all([
      TextTower.compile(source.text!, { ...options, endToken: source.endToken }),
      ImageTower.compile(source.image!, options),
    ])
    try {
      const [ids, mask] = await Promise.all([integers(answers, 'input_ids'), integers(answers, 'attention_mask')])
      const texts = [0, 1, 2].map(i => ({
        tokens: ids.slice(77 * i, 77 * i + mask.slice(77 * i, 77 * i + 77).lastIndexOf(1) + 1),
        rows: true,
      }))
      const outputs = await text.runStep(texts)
      const want = await numbers(answers, 'text_last_hidden')
      let at = 0
      for (const [i, { tokens }] of texts.entries()) {
        const expected = want.subarray(77 * i * 48, (77 * i + tokens.length) * 48)
        expect(largestDifference(outputs['hidden']!.subarray(at, at + expected.length), expected), `text ${i}`).toBeLessThan(TOLERANCE)
        at += expected.length
      }
      expect(largestDifference(outputs['pooled']!, await numbers(answers, 'text_pooled'))).toBeLessThan(TOLERANCE)
      const seen = await image.runStep(await numbers(answers, 'pixel_values'), 3)
      expect(largestDifference(seen['embeddings']!, await numbers(answers, 'vision_hidden_embed'))).toBeLessThan(TOLERANCE)
      expect(largestDifference(seen['layer0']!, await numbers(answers, 'vision_hidden_layer0'))).toBeLessThan(TOLERANCE)
      expect(largestDifference(seen['pooled']!, await numbers(answers, 'vision_pooled'))).toBeLessThan(TOLERANCE)
      const [texted, pictured] = [rowsOf(outputs['head']!, 48), rowsOf(seen['head']!, 48)]
      expect(largestDifference(Float32Array.from(texted.flat()), await numbers(answers, 'text_embeds'))).toBeLessThan(TOLERANCE)
      expect(largestDifference(Float32Array.from(pictured.flat()), await numbers(answers, 'image_embeds'))).toBeLessThan(TOLERANCE)
      const logits = pictured.flatMap(a => texted.map(b => source.logitScale * a.reduce((sum, value, d) => sum + value * b[d]!, 0)))
      expect(largestDifference(Float32Array.from(logits), await numbers(answers, 'logits_per_image'))).toBeLessThan(TOLERANCE * 14)
    } finally {
      text.dispose()
      image.dispose()
      backend.dispose()
      await Promise.all([answers.close(), source.checkpoint.close()])
    }
  })
}

/** Rows of length one. */
function rowsOf(values: Float32Array, width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, i) => {
    const row = Array.from(values.subarray(i * width, (i + 1) * width))
    const length = Math.hypot(...row)
    return row.map(value => value / length)
  })
}

function describeVit(target: TestBackend): void {
  test('pictures', async () => {
    const { source, answers } = await openReference('vit')
    const backend = target.open()
    const tower = await ImageTower.compile(source.image!, { backend, precision: 'exact', hasTaps: true })
    try {
      const outputs = await tower.runStep(await numbers(answers, 'pixel_values'), 3)
      const taps = { hidden_embed: 'embeddings', hidden_layer0: 'layer0', hidden_final_norm: 'hidden', logits: 'head' }
      for (const [what, tap] of Object.entries(taps))
        expect(largestDifference(outputs[tap]!, await numbers(answers, what)), what).toBeLessThan(TOLERANCE)
    } finally {
      tower.dispose()
      backend.dispose()
      await Promise.all([answers.close(), source.checkpoint.close()])
    }
  })
}

describeWithTestdata('encoders', () => {
  for (const backend of availableBackends()) {
    describe.each(['bert', 'roberta', 'xlm-roberta', 'modernbert'])(`${backend.name}: %s`, name => describeTexts(name, backend))
    describe(`${backend.name}: clip`, () => describeClip(backend))
    describe(`${backend.name}: vit`, () => describeVit(backend))
  }
})

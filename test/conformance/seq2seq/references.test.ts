/**
 * Small random encoder–decoders against what transformers computes: what the encoder makes of sources, hidden states, logits
 * and greedy tokens, on every backend, alone and side by side.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/index.ts'
import { argmax } from '../../../src/llm/index.ts'
import type { Seq2Seq, SourcePlace } from '../../../src/llm/seq2seq/index.ts'
import { availableBackends, type TestBackend } from '../../backends.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { copyOf, largestDifference, smallestCosine } from '../llm/reference-model.ts'
import { compileSeq2SeqReference, placeSource, type Seq2SeqReference, scattered, seq2seqReference } from './seq2seq-reference.ts'

const TOLERANCE = 2e-4

/** Hidden states the references have, and the taps that show them. */
const TAPS = {
  decoder_hidden_embed: 'embeddings',
  decoder_hidden_layer0: 'layer0',
  decoder_hidden_final: 'final',
  decoder_logits: 'logits',
}

describeWithTestdata('encoder–decoders', () => {
  for (const backend of availableBackends())
    describe.each(['t5', 'bart', 'marian', 'whisper'])(`${backend.name}: %s`, name => describeModel(name, backend))
})

function describeModel(name: string, target: TestBackend): void {
  let reference: Seq2SeqReference
  let backend: Backend
  let model: Seq2Seq

  beforeAll(async () => {
    reference = await seq2seqReference(name)
    backend = target.open()
    model = await compileSeq2SeqReference(reference, backend)
  })

  afterAll(async () => {
    model?.dispose()
    backend?.dispose()
    await reference?.close()
  })

  test('sources, alone and together', async () => {
    for (const [i, { source }] of reference.prompts.entries()) {
      const { memory } = await model.encode([source])
      expect(largestDifference(memory!, await reference.numbers(i, 'encoder_last_hidden')), `prompt ${i}`).toBeLessThan(TOLERANCE)
    }
    const { memory } = await model.encode(reference.prompts.map(({ source }) => source))
    let at = 0
    for (const i of reference.prompts.keys()) {
      const expected = await reference.numbers(i, 'encoder_last_hidden')
      const part = memory!.subarray(at, at + expected.length)
      expect(largestDifference(part, expected), `prompt ${i} beside others`).toBeLessThan(TOLERANCE)
      at += expected.length
    }
  })

  test('hidden states and logits', async () => {
    for (const [i, { source, target: tokens }] of reference.prompts.entries()) {
      const { memory } = await model.encode([source])
      const place = placeSource(model, source, memory!, 50)
      const slice = { tokens, start: 0, count: tokens.length, rowCount: tokens.length, blocks: scattered(20, 6), source: place }
      const outputs = await model.step([slice], [place])
      for (const [what, tap] of Object.entries(TAPS))
        expect(largestDifference(copyOf(outputs, tap), await reference.numbers(i, what)), `prompt ${i} ${what}`).toBeLessThan(TOLERANCE)
    }
  })

  test('greedy tokens, all prompts in the same steps', async () => {
    const { vocabulary } = model.config
    const { prompts } = reference
    const places: SourcePlace[] = []
    for (const [i, { source }] of prompts.entries())
      places.push(placeSource(model, source, (await model.encode([source]))['memory']!, 40 * i + 30))
    const targets = prompts.map(({ prefix, greedy }, i) => ({
      tokens: [...prefix],
      start: 0,
      end: prefix.length + greedy.length,
      blocks: scattered(i * 8, 6),
      source: places[i]!,
    }))
    let arrivals: readonly SourcePlace[] = places
    while (targets.some(({ tokens, end }) => tokens.length < end)) {
      const open = targets.filter(({ tokens, end }) => tokens.length < end)
      const slices = open.map(({ tokens, start, blocks, source }) => ({
        tokens,
        start,
        count: tokens.length - start,
        rowCount: 1,
        blocks,
        source,
      }))
      const rows = copyOf(await model.step(slices, arrivals), 'logits')
      arrivals = []
      for (const [s, one] of open.entries()) {
        one.start = one.tokens.length
        one.tokens.push(argmax(rows.subarray(s * vocabulary, (s + 1) * vocabulary)))
      }
    }
    expect(targets.map(({ tokens }, i) => tokens.slice(prompts[i]!.prefix.length))).toEqual(prompts.map(({ greedy }) => greedy))
  })

  test.each(['f16', 'i8'] as const)('fast, keys and values of %s: rows point the same way', async kvType => {
    const fast = await compileSeq2SeqReference(reference, backend, 'fast', kvType)
    try {
      for (const [i, { source, target: tokens }] of reference.prompts.entries()) {
        const { memory } = await fast.encode([source])
        const place = placeSource(fast, source, memory!, 50)
        const slice = { tokens, start: 0, count: tokens.length, rowCount: tokens.length, blocks: scattered(20, 6), source: place }
        const rows = copyOf(await fast.step([slice], [place]), 'logits')
        const cosine = smallestCosine(rows, await reference.numbers(i, 'decoder_logits'), fast.config.vocabulary)
        expect(cosine, `prompt ${i}`).toBeGreaterThan(0.99)
      }
    } finally {
      fast.dispose()
    }
  })
}

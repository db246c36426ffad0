/** Beam searches over small random encoder–decoders find what transformers finds, beside greedy texts and each other. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/index.ts'
import { argmax } from '../../../src/llm/index.ts'
import { Seq2SeqEngine } from '../../../src/llm/seq2seq/index.ts'
import { availableBackends, type TestBackend } from '../../backends.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { compileSeq2SeqReference, type Seq2SeqReference, seq2seqReference } from './seq2seq-reference.ts'

const END_TOKENS: Readonly<Record<string, number>> = { t5: 1, bart: 2, marian: 0, whisper: 490 }

describeWithTestdata('searches', () => {
  for (const backend of availableBackends())
    describe.each(Object.keys(END_TOKENS))(`${backend.name}: %s`, name => describeSearches(name, backend))
})

function describeSearches(name: string, target: TestBackend): void {
  let reference: Seq2SeqReference
  let backend: Backend
  let engine: Seq2SeqEngine

  beforeAll(async () => {
    reference = await seq2seqReference(name)
    backend = target.open()
    engine = new Seq2SeqEngine(await compileSeq2SeqReference(reference, backend))
  })

  afterAll(async () => {
    await engine?.dispose()
    backend?.dispose()
    await reference?.close()
  })

  const options = () => ({
    beams: 4,
    lengthPenalty: 1,
    earlyStopping: false,
    maxTokens: 20,
    endTokens: new Set([END_TOKENS[name]!]),
    rules: [],
  })

  async function greedy(prompt: number): Promise<number[]> {
    const { source, prefix, greedy: wanted } = reference.prompts[prompt]!
    const written: number[] = []
    const memory = await engine.encode(source)
    const onLogits = (logits: Float32Array): number | undefined => {
      written.push(argmax(logits))
      return written.length < wanted.length ? written.at(-1) : undefined
    }
    await engine.write({ memory, prefix, mostTokens: prefix.length + wanted.length, rules: [] }, { onLogits })
    return written
  }

  test('beams and greedy texts at once', async () => {
    const { prompts } = reference
    const searches = prompts.map(async ({ source, prefix }) => engine.search(await engine.encode(source), prefix, options()))
    const texts = prompts.map((_, i) => greedy(i))
    for (const [i, { beams, greedy: wanted }] of prompts.entries()) {
      const found = await searches[i]!
      expect(
        found.map(({ tokens }) => tokens),
        `prompt ${i}`,
      ).toEqual(beams.sequences)
      for (const [j, { score }] of found.entries()) expect(Math.abs(score - beams.scores[j]!), `prompt ${i} beam ${j}`).toBeLessThan(1e-4)
      expect(await texts[i], `prompt ${i}`).toEqual(wanted)
    }
    expect(engine.load).toMatchObject({ running: 0, waiting: 0, freeBlocks: engine.load.blocks })
  })

  test('a search that is aborted gives its blocks back', async () => {
    const { source, prefix } = reference.prompts[2]!
    const controller = new AbortController()
    const memory = await engine.encode(source)
    const abortSoon = (_scores: Float32Array, tokens: readonly number[]): void => {
      if (tokens.length === prefix.length + 5) controller.abort()
    }
    const search = engine.search(memory, prefix, { ...options(), rules: [abortSoon] }, controller.signal)
    await expect(search).rejects.toMatchObject({ code: 'ABORTED' })
    expect(engine.load).toMatchObject({ running: 0, waiting: 0, freeBlocks: engine.load.blocks })
    expect((await engine.search(memory, prefix, options()))[0]?.tokens).toEqual(reference.prompts[2]!.beams.sequences[0])
  })
}

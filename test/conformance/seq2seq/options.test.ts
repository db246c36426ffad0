/** Searches with every option, and T5 in its first form, find what transformers finds. */
import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.ts'
import { openHuggingFaceFolder } from '../../../src/formats/index.ts'
import { argmax, kvTypeOf } from '../../../src/llm/index.ts'
import {
  mostTokensOf,
  prefixOf,
  readGenerationSettings,
  rulesOf,
  Seq2Seq,
  Seq2SeqEngine,
  seq2seqFromHuggingFace,
  writeSeq2Seq,
} from '../../../src/llm/seq2seq/index.ts'
import expected from '../../references/seq2seq/expected.json' with { type: 'json' }
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { largestDifference } from '../llm/reference-model.ts'
import { compileSeq2SeqReference, REFERENCE_LIMITS, seq2seqReference } from './seq2seq-reference.ts'

describeWithTestdata('searches with options', () => {
  test.each(['t5', 'bart', 'marian'])('%s', async name => {
    const reference = await seq2seqReference(name)
    const { config, generationConfig, checkpoint } = await openHuggingFaceFolder(testdata('refs', name))
    const backend = referenceBackend()
    const engine = new Seq2SeqEngine(await compileSeq2SeqReference(reference, backend))
    const cases = expected.searches.filter(({ model }) => model === name)
    expect(cases.length).toBeGreaterThan(8)
    for (const [i, { prompt, options, sequences, scores }] of cases.entries()) {
      const settings = readGenerationSettings(config, { ...generationConfig, ...options }, engine.model.config.vocabulary, name)
      const prefix = prefixOf(settings)
      const mostTokens = mostTokensOf(settings, prefix.length, 96)
      const found = await engine.search(await engine.encode(reference.prompts[prompt]!.source), prefix, {
        ...settings,
        maxTokens: mostTokens - prefix.length,
        rules: rulesOf(settings, prefix.length, mostTokens, false),
      })
      expect(
        found.map(({ tokens }) => tokens),
        `case ${i}: ${JSON.stringify(options)}`,
      ).toEqual(sequences)
      // Scores of a negative penalty are sums times a length.
      for (const [j, { score }] of found.entries())
        expect(Math.abs(score - scores[j]!), `case ${i} text ${j}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)))
    }
    await engine.dispose()
    backend.dispose()
    await Promise.all([reference.close(), checkpoint.close()])
  })
})

describeWithTestdata('T5 in its first form', () => {
  test('one table for everything, plain relu', async () => {
    const { checkpoint } = await openHuggingFaceFolder(testdata('refs', 't5'))
    const reference = await seq2seqReference('t5')
    const { config, prompt, logits, greedy } = expected.original
    const tensors = new Map(
      [...checkpoint.tensors]
        .filter(([name]) => !/wi_1|lm_head|embed_tokens/.test(name))
        .map(([name, tensor]) => [name.replace('wi_0', 'wi'), { ...tensor, name: name.replace('wi_0', 'wi') }]),
    )
    const source = seq2seqFromHuggingFace(config, { ...checkpoint, tensors }, 'original')
    const backend = referenceBackend()
    const programs = writeSeq2Seq(source, { kvType: kvTypeOf('exact') })
    const model = await Seq2Seq.compile(source, programs, { backend, precision: 'exact', limits: REFERENCE_LIMITS })
    const engine = new Seq2SeqEngine(model)
    const memory = await engine.encode(reference.prompts[prompt]!.source)
    const written: number[] = []
    await engine.write(
      { memory, prefix: [0], mostTokens: 1 + greedy.length, rules: [] },
      {
        onLogits(rows) {
          if (written.length === 0) expect(largestDifference(rows, Float32Array.from(logits))).toBeLessThan(2e-4)
          written.push(argmax(rows))
          return written.length < greedy.length ? written.at(-1) : undefined
        },
      },
    )
    expect(written).toEqual(greedy)
    await engine.dispose()
    backend.dispose()
    await Promise.all([reference.close(), checkpoint.close()])
  })
})

describe('expected.json', () => {
  test('has searches that differ', () => {
    expect(new Set(expected.searches.map(({ sequences }) => JSON.stringify(sequences))).size).toBeGreaterThan(20)
  })
})

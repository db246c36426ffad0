/** The ONNX exports of encoder–decoders, run as graphs, give the numbers and tokens of the folders they were made from. */
import { expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.ts'
import { type ModelValue, type Tensor, tensor } from '../../../src/core/index.ts'
import { argmax } from '../../../src/llm/index.ts'
import { load } from '../../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { largestDifference } from '../llm/reference-model.ts'
import { compileSeq2SeqReference, seq2seqReference } from './seq2seq-reference.ts'

const TOKENS = 8
const SOURCE_MASKS: Readonly<Record<string, readonly string[]>> = { t5: ['attention_mask', 'encoder_attention_mask'], whisper: [] }

function ids(values: readonly number[]): Tensor<'i64'> {
  return tensor('i64', [1, values.length], BigInt64Array.from(values, BigInt))
}

function graph(name: string, part: string) {
  return load(testdata('refs', 'onnx', name, `${part}.onnx`), { kind: 'tensor' })
}

describeWithTestdata('exports', () => {
  test.each(['t5', 'whisper'])('%s', async name => {
    const reference = await seq2seqReference(name)
    const backend = referenceBackend()
    const model = await compileSeq2SeqReference(reference, backend)
    await using encoder = await graph(name, 'encoder_model')
    await using first = await graph(name, 'decoder_model')
    await using next = await graph(name, 'decoder_with_past_model')
    const [sourceMask, crossMask] = SOURCE_MASKS[name]!
    for (const { source, prefix, greedy } of reference.prompts) {
      const { memory } = await model.encode([source])
      const length = model.tokensOf(source)
      const mask = ids(Array.from({ length }, () => 1))
      const input = Array.isArray(source) ? { input_ids: ids(source) } : { input_features: bandsFirst(source as Float32Array) }
      const hidden = (await encoder.run({ ...input, ...(sourceMask ? { [sourceMask]: mask } : {}) }))['last_hidden_state'] as Tensor<'f32'>
      expect(hidden.shape).toEqual([1, length, model.config.hidden])
      expect(largestDifference(hidden.data, memory!)).toBeLessThan(1e-4)

      const masks: Record<string, ModelValue> = crossMask ? { [crossMask]: mask } : {}
      let outputs = await first.run({ input_ids: ids(prefix), encoder_hidden_states: hidden, ...masks })
      const past = pastOf(outputs)
      const written: number[] = []
      while (written.length < TOKENS) {
        const { data } = outputs['logits'] as Tensor<'f32'>
        written.push(argmax(data.subarray(data.length - model.config.vocabulary)))
        Object.assign(past, pastOf(outputs))
        outputs = await next.run({ input_ids: ids(written.slice(-1)), ...past, ...masks })
      }
      expect(written).toEqual(greedy.slice(0, TOKENS))
    }
    model.dispose()
    await reference.close()
  })
})

/** Keys and values as the next step takes them. */
function pastOf(outputs: Readonly<Record<string, ModelValue>>): Record<string, ModelValue> {
  const present = Object.entries(outputs).filter(([name]) => name.startsWith('present.'))
  return Object.fromEntries(present.map(([name, value]) => [name.replace('present.', 'past_key_values.'), value]))
}

function bandsFirst(features: Float32Array): Tensor<'f32'> {
  const [mels, frames] = [80, features.length / 80]
  return tensor(
    'f32',
    [1, mels, frames],
    features.map((_, at) => features[(at % frames) * mels + Math.floor(at / frames)]!),
  )
}

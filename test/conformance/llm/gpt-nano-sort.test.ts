/** A trained minGPT with every intermediate result of a 3 × 11 batch: each tap of the decoder against it. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Checkpoint, quantize, type StoredTensor } from '../../../src/formats/index.ts'
import { Decoder, decoderFromHuggingFace, stepLimits, writeDecoder } from '../../../src/llm/index.ts'
import { availableBackends } from '../../backends.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { copyOf, largestDifference, wholePrompt } from './reference-model.ts'

interface EncodedTensor {
  readonly shape: readonly number[]
  readonly data: string
}

interface Config {
  readonly n_layer: number
  readonly n_head: number
  readonly n_embd: number
  readonly vocab_size: number
  readonly block_size: number
}

const [SEQUENCES, TOKENS, WIDTH] = [3, 11, 48]

describeWithTestdata('gpt-nano-sort', () => {
  const model = readJson('gpt-nano-sort-model.json')
  const partials = readJson('gpt-nano-sort-t0-partials.json')
  const expected = (name: string): Float32Array => decode(partials[name] as EncodedTensor)

  describe.each(availableBackends())('$name', target => {
    test('every tap equals the published activation', async () => {
      const backend = target.open()
      const source = gptNano(model)
      const program = writeDecoder(source, { kvType: 'f32', hasTaps: true })
      const decoder = await Decoder.compile(source, program, {
        backend,
        precision: 'exact',
        limits: stepLimits(source.config, TOKENS, SEQUENCES * 16),
      })
      const ids = expected('idx')
      const slices = Array.from({ length: SEQUENCES }, (_, s) => wholePrompt([...ids.subarray(s * TOKENS, (s + 1) * TOKENS)], [s]))
      const outputs = await decoder.run(slices)
      const actual = (tap: string): Float32Array => copyOf(outputs, tap)
      const pairs: [string, Float32Array, Float32Array][] = [
        ['x', actual('embeddings'), expected('x')],
        ['ln1', actual('layer0.mixer_norm'), expected('ln1')],
        ['q', actual('layer0.q'), tokensFirst(expected('q'))],
        ['k', actual('layer0.k'), tokensFirst(expected('k'))],
        ['v', actual('layer0.v'), tokensFirst(expected('v'))],
        ['y', actual('layer0.attention'), expected('y')],
        ['yProj', difference(actual('layer0.mixer_residual'), actual('embeddings')), expected('yProj')],
        ['attnResid', actual('layer0.mixer_residual'), expected('attnResid')],
        ['ln2', actual('layer0.mlp_norm'), expected('ln2')],
        ['gelu', actual('layer0.mlp_inner'), expected('gelu')],
        ['mlp', difference(actual('layer0'), actual('layer0.mixer_residual')), expected('mlp')],
        ['mlpResid', actual('layer0'), expected('mlpResid')],
        ['block0', actual('layer0'), expected('block0')],
        ['block1', actual('layer1'), expected('block1')],
        ['block2', actual('layer2'), expected('block2')],
        ['ln_f', actual('final_norm'), expected('ln_f')],
        ['lm_head', actual('logits'), expected('lm_head')],
      ]
      for (const [name, got, wanted] of pairs) expect(largestDifference(got, wanted), name).toBeLessThan(2e-5)
      decoder.dispose()
      backend.dispose()
    })
  })
})

/** The checkpoint as a GPT-2 whose matrices are stored `[out, in]`. */
function gptNano(model: Readonly<Record<string, unknown>>): ReturnType<typeof decoderFromHuggingFace> {
  const { n_layer, n_head, n_embd, vocab_size, block_size } = model['config'] as Config
  const tensors = Object.entries(model).flatMap(([name, value]): [string, StoredTensor][] => {
    if (name === 'config') return []
    const { shape } = value as EncodedTensor
    const bytes = quantize('f32', decode(value as EncodedTensor))
    const read = async (offset = 0, length = bytes.byteLength - offset): Promise<Uint8Array> => bytes.slice(offset, offset + length)
    return [[name, { name, type: 'f32', shape, byteLength: bytes.byteLength, read }]]
  })
  const checkpoint: Checkpoint = { format: 'safetensors', tensors: new Map(tensors), files: [], close: async () => {} }
  const config = { model_type: 'gpt2', n_layer, n_head, n_embd, vocab_size, n_positions: block_size, tie_word_embeddings: false }
  const source = decoderFromHuggingFace(config, checkpoint, 'gpt-nano-sort')
  const places = Object.entries(source.names.places).map(([role, place]) => [role, { ...place, transpose: false }])
  return { ...source, names: { ...source.names, places: Object.fromEntries(places) } }
}

function readJson(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(testdata('llm', 'gpt-nano-sort', name), 'utf8')) as Record<string, unknown>
}

function decode({ data }: EncodedTensor): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(data, 'base64')).buffer)
}

/** `[sequence, head, token, number]` → `[sequence, token, head, number]`. */
function tokensFirst(values: Float32Array): Float32Array {
  const [heads, size] = [3, 16]
  const result = new Float32Array(values.length)
  for (let s = 0; s < SEQUENCES; s++)
    for (let h = 0; h < heads; h++)
      for (let t = 0; t < TOKENS; t++)
        for (let i = 0; i < size; i++) result[(s * TOKENS + t) * WIDTH + h * size + i] = values[((s * heads + h) * TOKENS + t) * size + i]!
  return result
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]!)
}

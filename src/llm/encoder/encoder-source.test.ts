import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headReferences } from '../../../test/references/encoders/index.ts'
import { isHenceError } from '../../core/index.ts'
import type { Checkpoint, StoredTensor } from '../../formats/index.ts'
import { type EncoderSource, encoderFromHuggingFace, isEncoderConfig } from './encoder-source.ts'
import { writeTower } from './tower-source.ts'

type Shapes = Readonly<Record<string, readonly number[]>>

function checkpoint(shapes: Shapes): Checkpoint {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, StoredTensor] => {
    const byteLength = 4 * shape.reduce((product, size) => product * size, 1)
    return [name, { name, type: 'f32', shape, byteLength, read: async () => new Uint8Array(byteLength) }]
  })
  return { format: 'safetensors', tensors: new Map(tensors), files: [], close: async () => {} }
}

const { config: BERT, tensors: SHAPES } = headReferences()['bert token']!
const open = (config: Readonly<Record<string, unknown>>, shapes: Shapes = SHAPES): Promise<EncoderSource> =>
  encoderFromHuggingFace({ ...BERT, ...config }, checkpoint(shapes), 'config.json')

/** A configuration, with what it leaves out as {@link BERT} has it, read and its programs written. */
async function write(config: Readonly<Record<string, unknown>>, shapes?: Shapes): Promise<void> {
  writePrograms(await open(config, shapes))
}

function writePrograms({ text, image }: EncoderSource): void {
  for (const tower of [text, image]) if (tower) writeTower(tower)
}

describe('configurations that contradict themselves or the tensors', () => {
  test('as they are, they are fine', async () => {
    for (const { config, tensors } of Object.values(headReferences()))
      writePrograms(await encoderFromHuggingFace(config, checkpoint(tensors), 'config.json'))
    expect(isEncoderConfig(BERT)).toBe(true)
    expect(isEncoderConfig({ model_type: 'llama' })).toBe(false)
  })

  test.each([
    ['heads that do not share the width', { num_attention_heads: 5 }, 'CONFIG_INVALID', '5 heads cannot share 32'],
    ['no layers', { num_hidden_layers: 0 }, 'CONFIG_INVALID', 'num_hidden_layers is 0'],
    ['a width that is no number', { hidden_size: '32' }, 'CONFIG_INVALID', 'hidden_size is 32, must be a number'],
    ['an activation nobody knows', { hidden_act: 'gelatine' }, 'CONFIG_INVALID', 'hidden_act "gelatine" is not known'],
    ['positions of another kind', { position_embedding_type: 'relative_key' }, 'CONFIG_INVALID', 'relative_key is not supported'],
    ['a decoder', { is_decoder: true }, 'CONFIG_INVALID', 'is_decoder is true'],
    ['a head nobody knows', { architectures: ['BertForNextSentencePrediction'] }, 'ARCHITECTURE_UNKNOWN', 'BertForNextSentencePrediction'],
    ['a family nobody knows', { model_type: 'ernie' }, 'ARCHITECTURE_UNKNOWN', '"ernie" is not an encoder'],
    ['another width than the tensors', { hidden_size: 64 }, 'TENSOR_MISMATCH', 'wanted [512, 64]'],
    ['more classes than the tensors', { id2label: { 0: 'a', 1: 'b' } }, 'TENSOR_MISMATCH', 'classifier.weight'],
    ['more layers than the tensors', { num_hidden_layers: 3 }, 'TENSOR_MISSING', 'bert.encoder.layer.2'],
    ['fewer layers than the tensors', { num_hidden_layers: 1 }, 'TENSOR_MISMATCH', 'has no place for 16 tensors'],
    ['a head without tensors', { architectures: ['BertForMaskedLM'] }, 'TENSOR_MISSING', 'cls.predictions.transform.dense.weight'],
  ])('%s', async (_, config, code, message) => {
    await expect(write(config)).rejects.toMatchObject({ code })
    await expect(write(config)).rejects.toThrow(message)
  })

  test('an image tower whose squares do not fit', async () => {
    const { config, tensors } = headReferences()['vit pooler']!
    await expect(write({ ...config, patch_size: 21 }, tensors)).rejects.toThrow('squares of 21 do not fit')
    await expect(write({ ...config, image_size: 12 }, tensors)).rejects.toMatchObject({ code: 'TENSOR_MISMATCH' })
  })

  test('clip without one of its parts', async () => {
    await expect(write({ model_type: 'clip', text_config: {} })).rejects.toThrow('vision_config is missing')
    await expect(write({ model_type: 'clip', text_config: 3, vision_config: {} })).rejects.toThrow('text_config is 3')
  })

  test('whatever a configuration says, it is read or refused', async () => {
    const keys = [
      ...Object.keys(BERT),
      'hidden_act',
      'type_vocab_size',
      'pad_token_id',
      'layer_norm_eps',
      'tie_word_embeddings',
      'num_labels',
    ]
    const families = ['bert', 'roberta', 'xlm-roberta', 'modernbert', 'vit', 'clip']
    const anything = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.jsonValue())
    const changes = fc.dictionary(fc.constantFrom(...keys), anything, { maxKeys: 3 })
    await fc.assert(
      fc.asyncProperty(changes, fc.constantFrom(...families), async (change, family) => {
        try {
          await write({ model_type: family, ...change })
        } catch (error) {
          expect(isHenceError(error), String(error)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})

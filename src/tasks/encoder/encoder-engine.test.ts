import { describe, expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import { type Tensor, type TensorModel, tensor } from '../../core/index.ts'
import { openSafetensors, readFloat32 } from '../../formats/index.ts'
import { inspect, load } from '../load.ts'

const i64 = (shape: readonly number[], values: readonly number[]): Tensor<'i64'> => tensor('i64', shape, BigInt64Array.from(values, BigInt))

async function open(name: string): Promise<TensorModel> {
  return load(testdata('refs', name), { kind: 'tensor' })
}

async function answer(name: string, what: string): Promise<{ numbers: Float32Array; shape: readonly number[] }> {
  const file = await openSafetensors(testdata('refs', name, 'reference.safetensors'))
  try {
    const found = file.tensors.get(what)!
    const { type, shape } = found
    if (type !== ('i64' as string)) return { numbers: await readFloat32(found), shape }
    const bytes = await found.read()
    return { numbers: Float32Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8), Number), shape }
  } finally {
    await file.close()
  }
}

async function batchInputs(name: string): Promise<Record<string, Tensor<'i64'>>> {
  const named = await Promise.all(
    ['input_ids', 'attention_mask', 'token_type_ids'].map(async input => {
      const { numbers, shape } = await answer(name, `batch.${input}`)
      return [input, i64(shape, Array.from(numbers))] as const
    }),
  )
  return Object.fromEntries(named)
}

function expectNear(value: unknown, { numbers, shape }: { numbers: Float32Array; shape: readonly number[] }, tolerance = 2e-4): void {
  const got = value as Tensor<'f32'>
  expect(got.shape).toEqual(shape)
  let worst = 0
  for (const [i, want] of numbers.entries()) worst = Math.max(worst, Math.abs(got.data[i]! - want) || (Number.isNaN(got.data[i]) ? 9 : 0))
  expect(worst).toBeLessThan(tolerance)
}

describeWithTestdata('an encoder as a tensor model', () => {
  test.each(['bert', 'roberta', 'xlm-roberta', 'modernbert'])('%s: a padded batch', async name => {
    await using model = await open(name)
    const { token_type_ids: types, ...inputs } = await batchInputs(name)
    const takesTypes = model.describe().optionalInputs.some(input => input.name === 'token_type_ids')
    const outputs = await model.run({ ...inputs, ...(takesTypes ? { token_type_ids: types! } : {}) })
    expectNear(outputs['last_hidden_state'], await answer(name, 'batch.hidden_final'))
    if (name === 'roberta') expectNear(outputs['logits'], await answer(name, 'batch.logits'))
    else expect((outputs['logits'] as Tensor).shape.length).toBe(3)
  })

  test('clip: texts, pictures, and both', async () => {
    await using model = await open('clip')
    const ids = await answer('clip', 'input_ids')
    const mask = await answer('clip', 'attention_mask')
    const texts = { input_ids: i64(ids.shape, Array.from(ids.numbers)), attention_mask: i64(mask.shape, Array.from(mask.numbers)) }
    const { numbers, shape } = await answer('clip', 'pixel_values')
    const pictures = { pixel_values: tensor('f32', shape, numbers as Float32Array<ArrayBuffer>) }
    expect(Object.keys(await model.run(texts))).toEqual(['text_embeds'])
    expectNear((await model.run(pictures))['image_embeds'], await answer('clip', 'image_embeds'))
    const outputs = await model.run({ ...texts, ...pictures })
    expectNear(outputs['text_embeds'], await answer('clip', 'text_embeds'))
    expectNear(outputs['logits_per_image'], await answer('clip', 'logits_per_image'), 14 * 2e-4)
    await expect(model.run({})).rejects.toThrow('input_ids or pixel_values is needed')
  })

  test('vit: pictures', async () => {
    await using model = await open('vit')
    const { numbers, shape } = await answer('vit', 'pixel_values')
    const outputs = await model.run({ pixel_values: tensor('f32', shape, numbers as Float32Array<ArrayBuffer>) })
    expectNear(outputs['logits'], await answer('vit', 'logits'))
    expectNear(outputs['last_hidden_state'], await answer('vit', 'hidden_final_norm'))
  })

  describe('bert', () => {
    test('padding on the left moves texts to their own places', async () => {
      await using model = await open('bert')
      const ids = [2, 32, 397, 400, 3]
      const { logits: alone } = await model.run({ input_ids: i64([1, 5], ids) })
      const { logits: beside } = await model.run({
        input_ids: i64([2, 7], [...ids, 0, 0, 0, 0, ...ids]),
        attention_mask: i64([2, 7], [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1]),
      })
      const [a, b] = [alone as Tensor<'f32'>, beside as Tensor<'f32'>]
      expect(Array.from(b.data.subarray(0, a.data.length))).toEqual(Array.from(a.data))
      // Positions are columns here, so the second row differs; its padding is zeros.
      expect(Array.from(b.data.subarray(9 * 512))).not.toEqual(Array.from(a.data))
      expect(Array.from(b.data.subarray(7 * 512, 9 * 512)).every(value => value === 0)).toBe(true)
    })

    test('is described as it is', async () => {
      const description = await inspect(testdata('refs', 'bert'), { kind: 'tensor' })
      expect(description).toMatchObject({
        format: 'safetensors',
        metadata: { architecture: 'bert', head: 'masked-lm' },
        inputs: [{ name: 'input_ids', dtype: 'i64', shape: ['batch', 'sequence'] }],
        outputs: [{ name: 'last_hidden_state' }, { name: 'logits', shape: ['batch', 'sequence', 512] }],
        operators: { ragged_attention: 2 },
      })
    })

    test('is profiled instruction by instruction', async () => {
      await using model = await open('bert')
      const { steps, runs } = await model.profile({ input_ids: i64([1, 3], [2, 32, 3]) }, { runs: 2 })
      expect(runs).toBe(2)
      expect(steps.filter(({ op }) => op === 'ragged_attention').map(({ name }) => name)).toEqual(['layer0.attention', 'layer1.attention'])
    })

    test.each([
      ['a token beyond the vocabulary', { input_ids: i64([1, 2], [2, 512]) }, 'OPTION_INVALID', 'token 1 is 512'],
      ['a type the model does not know', { input_ids: i64([1, 1], [2]), token_type_ids: i64([1, 1], [2]) }, 'OPTION_INVALID', 'type 2'],
      ['a text longer than the model', { input_ids: i64([1, 161], new Array(161).fill(2)) }, 'CONTEXT_OVERFLOW', '161 tokens'],
      [
        'a mask with a hole',
        { input_ids: i64([1, 3], [2, 5, 3]), attention_mask: i64([1, 3], [1, 0, 1]) },
        'OPTION_INVALID',
        'zeros between its ones',
      ],
      ['another shape of types', { input_ids: i64([1, 2], [2, 3]), token_type_ids: i64([2, 1], [0, 0]) }, 'SHAPE_MISMATCH', 'has [2, 1]'],
    ])('refuses %s', async (_, inputs, code, message) => {
      await using model = await open('bert')
      await expect(model.run(inputs)).rejects.toMatchObject({ code })
      await expect(model.run(inputs)).rejects.toThrow(message)
    })
  })
})

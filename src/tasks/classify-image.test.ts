import { afterAll, describe, expect, test } from 'vitest'
import { meanColour, temporaryFolder, twoOutputs } from '../../test/tensor-models.ts'
import type { TensorModel } from '../core/index.ts'
import { classifyImage, load } from './index.ts'

const folder = temporaryFolder()
const path = folder.write('model.onnx', meanColour())
afterAll(folder.remove)

const orange = { width: 3, height: 2, channels: 3, data: new Uint8Array(18).map((_, i) => [255, 102, 0][i % 3]!) } as const
const loadModel = (file = path): Promise<TensorModel> => load(file, { kind: 'tensor', backend: 'reference' })

describe('classifyImage', () => {
  test('prepares pixels as it is told to', async () => {
    await using model = await loadModel()
    const plain = { scale: 1 / 255, mean: [0], std: [1], softmax: false, resize: 'none', crop: 'none' } as const
    const { classes, assumed } = await classifyImage(model, orange, { ...plain, channels: 'rgb', labels: ['red', 'green', 'blue'] })
    expect(classes.map(({ label }) => label)).toEqual(['red', 'green', 'blue'])
    expect(classes.map(({ score }) => Math.round(score * 255))).toEqual([255, 102, 0])
    expect(assumed).toEqual([])
    const turned = await classifyImage(model, orange, { ...plain, channels: 'bgr', mean: [0, 0, 1], std: [0.5], top: 1 })
    expect(turned.classes).toEqual([{ label: '1', index: 1, score: expect.closeTo(0.8, 5) }])
  })

  test('names what nothing states, and says what it assumed', async () => {
    await using model = await loadModel()
    const { assumed, preparation, classes } = await classifyImage(model, orange)
    expect([...assumed].sort()).toEqual(['channels', 'crop', 'mean', 'resize', 'scale', 'std'])
    expect(preparation).toMatchObject({ resize: { shortestEdge: 224 }, crop: { width: 224, height: 224 }, layout: 'nchw' })
    expect(classes.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5)
  })

  test('preprocessor_config.json and config.json beside the model', async () => {
    const other = temporaryFolder()
    const file = other.write('model.onnx', meanColour())
    const config = {
      do_resize: true,
      size: { height: 8, width: 8 },
      resample: 3,
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    }
    other.write('preprocessor_config.json', JSON.stringify(config))
    other.write('config.json', JSON.stringify({ id2label: { 0: 'red', 1: 'green', 2: 'blue' } }))
    try {
      await using model = await loadModel(file)
      const { classes, assumed, preparation } = await classifyImage(model, orange, { softmax: false })
      expect(assumed).toEqual([])
      expect(preparation).toMatchObject({ resize: { width: 8, height: 8 }, crop: 'none', filter: 'bicubic', mean: [0.5, 0.5, 0.5] })
      expect(classes.map(({ label, score }) => [label, Math.round(score * 10) / 10])).toEqual([
        ['red', 1],
        ['green', -0.2],
        ['blue', -1],
      ])
      other.write('preprocessor_config.json', JSON.stringify({ ...config, image_std: ['x'] }))
      await expect(classifyImage(model, orange)).rejects.toMatchObject({ code: 'CONFIG_INVALID', details: { field: 'image_std' } })
    } finally {
      other.remove()
    }
  })

  test('refuses what does not fit', async () => {
    await using model = await loadModel()
    await expect(classifyImage(model, orange, { labels: ['one'] })).rejects.toMatchObject({ details: { labels: 1, classes: 3 } })
    await expect(classifyImage(model, { ...orange, width: 4 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(classifyImage(model, Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ hint: expect.stringContaining('sharp') })
    await expect(classifyImage(model, orange, { mean: [1, 2] })).rejects.toMatchObject({ details: { option: 'mean' } })
    await expect(classifyImage(model, orange, { chanels: 'rgb' } as never)).rejects.toMatchObject({ details: { nearest: 'channels' } })
    const notThere = classifyImage(Promise.resolve(model) as never, orange)
    await expect(notThere).rejects.toMatchObject({ code: 'OPTION_INVALID', hint: expect.stringContaining('wait for it') })
    const talker = { kind: 'language' } as never
    await expect(classifyImage(talker, orange)).rejects.toMatchObject({ message: expect.stringContaining('is a language model') })
    await using other = await loadModel(folder.write('other.onnx', twoOutputs()))
    await expect(classifyImage(other, orange)).rejects.toMatchObject({ message: expect.stringContaining('does not take one picture') })
  })
})

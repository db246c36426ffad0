/** Trained models and exports of real architectures against answers of other implementations. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type ElementType, f16ToF32, type Tensor, type TensorModel } from '../../../src/core/index.ts'
import { decodeWav } from '../../../src/media/index.ts'
import { fileTypeFeatures } from '../../../src/tasks/file-type-features.ts'
import { classifyImage, detectVoice, identifyFileType, load, VoiceDetector } from '../../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { readTensors } from './read-tensors.ts'

const BACKENDS = ['reference', 'native'] as const

function numbersOf(tensor: Tensor<ElementType>): Float64Array {
  const { dtype, data } = tensor
  return Float64Array.from(data as ArrayLike<number | bigint>, value => (dtype === 'f16' ? f16ToF32(Number(value)) : Number(value)))
}

/** Largest difference, relative to the reference where that is above 1. */
function largestError(got: Tensor<ElementType>, want: Tensor<ElementType>): number {
  const [a, b] = [numbersOf(got), numbersOf(want)]
  expect(a.length).toBe(b.length)
  let largest = 0
  for (const [i, value] of b.entries()) {
    const error = Math.abs(a[i]! - value) / Math.max(1, Math.abs(value))
    // Not-a-number counts as wrong.
    if (!(error <= largest)) largest = error
  }
  return largest
}

/** Largest difference as a share of the largest number of the reference. */
function errorOfLargest(got: Tensor<ElementType>, want: Tensor<ElementType>): number {
  const [a, b] = [numbersOf(got), numbersOf(want)]
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return b.reduce((most, value, i) => Math.max(most, Math.abs(a[i]! - value)), 0) / largest
}

/** Rows `first` to `last` of a tensor. */
function rowsOf({ dtype, shape, data }: Tensor<ElementType>, first: number, last: number): Tensor<ElementType> {
  const width = data.length / shape[0]!
  return { dtype, shape: [last - first, ...shape.slice(1)], data: data.slice(first * width, last * width) } as Tensor<ElementType>
}

async function withModel(path: string, backend: (typeof BACKENDS)[number], work: (model: TensorModel) => Promise<void>): Promise<void> {
  await using model = await load(path, { kind: 'tensor', backend })
  await work(model)
}

const EXPORTS = [
  'bert/model',
  'bert/model-dynamo',
  'mobilenet/model',
  'resnet/model',
  't5/decoder_model',
  't5/decoder_with_past_model',
  't5/encoder_model',
  'unet/model',
  'vit/model',
  'whisper/decoder_model',
  'whisper/decoder_with_past_model',
  'whisper/encoder_model',
]

describeWithTestdata('exports of random models', () => {
  describe.each(BACKENDS)('%s', backend => {
    test.each(EXPORTS)('%s', async name => {
      const file = testdata('refs', 'onnx', ...name.split('/'))
      const reference = await readTensors(`${file}.reference.safetensors`)
      await withModel(`${file}.onnx`, backend, async model => {
        // Each case twice: planned, then from the plan.
        for (const prefix of ['case0', 'case1', 'case0', 'case1']) {
          const given = [...reference].filter(([key]) => key.startsWith(`${prefix}.input.`))
          const inputs = Object.fromEntries(given.map(([key, tensor]) => [key.slice(`${prefix}.input.`.length), tensor]))
          const outputs = await model.run(inputs)
          for (const [key, want] of reference) {
            if (!key.startsWith(`${prefix}.output.`)) continue
            const got = outputs[key.slice(`${prefix}.output.`.length)] as Tensor<ElementType>
            expect(got.shape, key).toEqual(want.shape)
            expect(largestError(got, want), key).toBeLessThan(1e-4)
          }
        }
      })
    })
  })
})

describeWithTestdata('SqueezeNet', () => {
  const path = testdata('cnn', 'squeezenet', 'SqueezeNet_fp16.onnx')
  const labels = readLines(testdata('cnn', 'squeezenet', 'imagenet-labels.txt'))

  test.each(BACKENDS)('%s: the reference pictures', async backend => {
    const reference = await readTensors(testdata('cnn', 'squeezenet', 'reference.safetensors'))
    await withModel(path, backend, async model => {
      for (let i = 0; i < 4; i++) {
        const { softmaxout_1 } = await model.run({ data_0: rowsOf(reference.get('data_0')!, i, i + 1) })
        const want = rowsOf(reference.get('softmaxout_1')!, i, i + 1)
        // Half precision keeps 11 bits; answers pass through 26 rounded layers.
        expect(largestError(softmaxout_1 as Tensor<ElementType>, want)).toBeLessThan(2e-2)
      }
    })
  })

  test.each([
    ['kitten_224.png', /tabby/, 0.94],
    ['dog.jpg', /golden retriever/, 0.985],
  ])('%s', async (photo, label, score) => {
    await withModel(path, 'native', async model => {
      const { classes, assumed } = await classifyImage(model, testdata('cnn', 'photos', photo), { labels })
      expect(classes[0]!.label).toMatch(label)
      expect(Math.abs(classes[0]!.score - score)).toBeLessThan(0.02)
      expect(classes).toHaveLength(5)
      expect(assumed).toEqual([])
    })
  })
})

describeWithTestdata('MNIST', () => {
  const images = readIdx('t1k-images-idx3-ubyte.gz')
  const digits = readIdx('t1k-labels-idx1-ubyte.gz')
  const pixels = 28 * 28

  test.each(['mnist-cntk', 'opt-mnist'].flatMap(name => BACKENDS.map(backend => [name, backend] as const)))(
    '%s on %s',
    async (name, backend) => {
      const reference = await readTensors(testdata('cnn', 'mnist', 'reference.safetensors'))
      await withModel(testdata('cnn', 'mnist', `${name}.onnx`), backend, async model => {
        for (let i = 0; i < 32; i++) {
          const { Plus214_Output_0 } = await model.run({ Input3: rowsOf(reference.get('Input3')!, i, i + 1) })
          const want = rowsOf(reference.get('Plus214_Output_0')!, i, i + 1)
          // Scores reach thousands; the small ones are differences of those.
          expect(errorOfLargest(Plus214_Output_0 as Tensor<ElementType>, want)).toBeLessThan(1e-5)
        }
        let right = 0
        const count = digits.length
        for (let i = 0; i < count; i++) {
          const data = Float32Array.from(images.subarray(i * pixels, (i + 1) * pixels))
          const { Plus214_Output_0 } = await model.run({ Input3: { dtype: 'f32', shape: [1, 1, 28, 28], data } })
          const scores = [...numbersOf(Plus214_Output_0 as Tensor<ElementType>)]
          if (scores.indexOf(Math.max(...scores)) === digits[i]) right++
        }
        expect(count).toBe(1_000)
        expect(right / count).toBeGreaterThanOrEqual(0.985)
      })
    },
  )

  test('digits from pictures, prepared as the metadata says', async () => {
    await withModel(testdata('cnn', 'mnist', 'mnist-cntk.onnx'), 'native', async model => {
      for (const digit of ['0', '3', '5', '7']) {
        const { classes, assumed, preparation } = await classifyImage(model, testdata('cnn', 'mnist', `${digit}.jpg`))
        expect([digit, classes[0]!.label]).toEqual([digit, digit])
        expect(assumed).toEqual([])
        expect(preparation).toMatchObject({ channels: 'gray', scale: 1 })
      }
    })
  })

  function readIdx(name: string): Uint8Array {
    const bytes = gunzipSync(readFileSync(testdata('cnn', 'mnist', name)))
    return bytes.subarray(4 + 4 * bytes[3]!)
  }
})

interface MagikaExample {
  readonly prediction_mode: 'high_confidence' | 'medium_confidence' | 'best_guess'
  readonly content_base64: string
  readonly prediction: {
    readonly dl: string
    readonly output: string
    readonly score: number
    readonly overwrite_reason: 'none' | 'low_confidence' | 'overwrite_map'
  }
}

interface FeatureExample {
  readonly args: { readonly beg_size: number; readonly end_size: number; readonly block_size: number; readonly padding_token: number }
  readonly content_base64: string
  readonly features: { readonly beg: readonly number[]; readonly end: readonly number[] }
}

describeWithTestdata('Magika', () => {
  const folder = testdata('encoders', 'magika')
  // The first normalization subtracts a squared mean from a mean of squares that is nearly equal, most of all where a short
  // file leaves the same padding everywhere. The authors' scores have the rounding of sums of f32, one row after the other,
  // and of their tanh in them: exact arithmetic gives scores up to 3.3e-3 away. The native backend rounds alike; the
  // reference backend sums in doubles.
  const ROUNDING = { native: 1e-5, reference: 4e-3 } as const
  const modes = { high_confidence: 'high', medium_confidence: 'medium', best_guess: 'best-guess' } as const
  const reasons = { none: 'no', low_confidence: 'low-confidence', overwrite_map: 'renamed' } as const

  test('features of the examples', () => {
    const examples = readExamples<FeatureExample>('features_extraction_examples.dev.json.gz')
    for (const { args, content_base64, features } of examples) {
      const bytes = Buffer.from(content_base64, 'base64')
      const head = bytes.subarray(0, args.block_size)
      const tail = bytes.subarray(Math.max(0, bytes.length - args.block_size))
      const { begin, end } = fileTypeFeatures(head, tail, {
        beginBytes: args.beg_size,
        endBytes: args.end_size,
        paddingToken: args.padding_token,
      })
      expect([[...begin], [...end]]).toEqual([features.beg, features.end])
    }
    expect(examples.length).toBeGreaterThan(4_000)
  })

  test.each(BACKENDS)('%s: examples', async backend => {
    const all = readExamples<MagikaExample>('inference_examples_by_content.dev.json.gz')
    // A file takes the reference backend seconds.
    const examples = backend === 'reference' ? all.slice(0, 8) : all
    await withModel(`${folder}/standard_v3_3/model.onnx`, backend, async model => {
      for (const { prediction_mode, content_base64, prediction } of examples) {
        const found = await identifyFileType(model, Buffer.from(content_base64, 'base64'), { confidence: modes[prediction_mode] })
        expect(found).toMatchObject({
          label: prediction.output,
          modelLabel: prediction.dl === 'undefined' ? undefined : prediction.dl,
          overwritten: reasons[prediction.overwrite_reason],
        })
        expect(Math.abs(found.score - prediction.score)).toBeLessThan(ROUNDING[backend])
      }
    })
  })

  function readExamples<T>(name: string): T[] {
    return JSON.parse(gunzipSync(readFileSync(`${folder}/${name}`)).toString('utf8')) as T[]
  }
})

describeWithTestdata('Silero', () => {
  const folder = testdata('audio', 'silero-vad')

  test.each(BACKENDS)('%s: state and probabilities of the first pieces', async backend => {
    const reference = await readTensors(`${folder}/reference-16k-op15.safetensors`)
    await withModel(`${folder}/silero_vad_16k_op15.onnx`, backend, async model => {
      let state: Tensor<ElementType> = { dtype: 'f32', shape: [2, 1, 128], data: new Float32Array(256) }
      const sr: Tensor<'i64'> = { dtype: 'i64', shape: [], data: BigInt64Array.of(16_000n) }
      for (let i = 0; i < 100; i++) {
        const { output, stateN } = await model.run({ input: rowsOf(reference.get('input')!, i, i + 1), state, sr })
        expect(largestError(output as Tensor<ElementType>, rowsOf(reference.get('output')!, i, i + 1))).toBeLessThan(1e-4)
        expect(largestError(stateN as Tensor<ElementType>, rowsOf(reference.get('stateN')!, i, i + 1))).toBeLessThan(1e-4)
        state = stateN as Tensor<ElementType>
      }
    })
  })

  test.each(['silero_vad_16k_op15.onnx', 'silero_vad_op18_ifless.onnx'])('%s hears a minute in less than a minute', async name => {
    const reference = (await readTensors(`${folder}/reference-16k-op15.safetensors`)).get('output')!
    await withModel(`${folder}/${name}`, 'native', async model => {
      const begun = performance.now()
      const { probabilities, segments, seconds } = await detectVoice(model, `${folder}/test.wav`)
      const took = (performance.now() - begun) / 1_000
      expect(seconds).toBe(60)
      expect(took).toBeLessThan(seconds)
      expect(probabilities).toHaveLength(1_875)
      expect(largestError({ dtype: 'f32', shape: [100], data: probabilities.slice(0, 100) }, reference)).toBeLessThan(1e-4)
      expect(segments.length).toBeGreaterThan(5)
      for (const [i, { start, end }] of segments.entries()) {
        expect(end).toBeGreaterThan(start)
        expect(start).toBeGreaterThanOrEqual(segments[i - 1]?.end ?? 0)
      }
    })
  })

  test('sound that comes in odd pieces is heard as the whole is', async () => {
    await withModel(`${folder}/silero_vad_16k_op15.onnx`, 'native', async model => {
      const samples = decodeWav(readFileSync(`${folder}/test.wav`)).channels[0]!.subarray(0, 20_000)
      const whole = await new VoiceDetector(model, 16_000).push(samples)
      const detector = new VoiceDetector(model, 16_000)
      const parts: number[] = []
      for (let at = 0; at < samples.length; at += 777) parts.push(...(await detector.push(samples.subarray(at, at + 777))))
      expect(parts).toEqual([...whole])
      expect(await detector.finish()).toBeTypeOf('number')
    })
  })
})

function readLines(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n')
}

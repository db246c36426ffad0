/** A checkpoint and its ONNX export say the same: one through the encoder's program, the other through the graph engine. */
import { describe, expect, test } from 'vitest'
import { type Tensor, type TensorModel, tensor } from '../../../src/core/index.ts'
import { load } from '../../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { readTensors } from './read-tensors.ts'

type Inputs = Record<string, Tensor<'i64'>>

async function both(
  folder: string,
  file: string,
  use: (folder: TensorModel, graph: TensorModel) => Promise<void>,
  backend: 'native' | 'reference',
) {
  await using checkpoint = await load(testdata('refs', folder), { kind: 'tensor', backend })
  await using graph = await load(testdata('refs', 'onnx', folder, file), { kind: 'tensor', backend })
  await use(checkpoint, graph)
}

function largestDifference(a: Tensor<'f32'>, b: Tensor<'f32'>, isKept: (i: number) => boolean = () => true): number {
  expect(a.shape).toEqual(b.shape)
  return a.data.reduce((worst, value, i) => (isKept(i) ? Math.max(worst, Math.abs(value - b.data[i]!)) : worst), 0)
}

describeWithTestdata('exports', () => {
  describe.each(['native', 'reference'] as const)('%s', backend => {
    test.each(['model.onnx', 'model-dynamo.onnx'])('bert %s', async file => {
      const cases = await readTensors(testdata('refs', 'onnx', 'bert', file.replace('.onnx', '.reference.safetensors')))
      const inputs = Object.fromEntries(
        [...cases].flatMap(([name, value]) => (name.startsWith('case0.input.') ? [[name.slice('case0.input.'.length), value]] : [])),
      ) as Inputs
      await both(
        'bert',
        file,
        async (checkpoint, graph) => {
          const [a, b] = [await checkpoint.run(inputs), await graph.run(inputs)]
          const logits = Object.values(b).find(value => 'data' in value && value.shape.at(-1) === 512) as Tensor<'f32'>
          // Padding means something only to the graph.
          const isKept = (i: number): boolean => inputs['attention_mask']?.data[Math.floor(i / 512)] !== 0n
          expect(largestDifference(a['logits'] as Tensor<'f32'>, logits, isKept)).toBeLessThan(2e-4)
        },
        backend,
      )
    })

    test('vit', async () => {
      const pixels = tensor(
        'f32',
        [2, 3, 32, 32],
        Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i * 0.13)),
      )
      await both(
        'vit',
        'model.onnx',
        async (checkpoint, graph) => {
          const name = graph.describe().inputs[0]!.name
          const [a, b] = [await checkpoint.run({ pixel_values: pixels }), await graph.run({ [name]: pixels })]
          const logits = Object.values(b).find(value => 'data' in value && value.shape.at(-1) === 10) as Tensor<'f32'>
          expect(largestDifference(a['logits'] as Tensor<'f32'>, logits)).toBeLessThan(2e-4)
        },
        backend,
      )
    })
  })
})

import { describe, expect, test } from 'vitest'
import { compile, expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxModel, OnnxTensor } from '../../formats/index.ts'
import { importOnnx } from '../import-onnx.ts'
import { optimize } from '../optimize.ts'

type Nodes = Parameters<typeof modelOf>[0]

const order = (...perm: number[]) => ({ perm: { type: 'ints' as const, value: perm } })
const ints = (...values: number[]): OnnxTensor => tensor('i64', [values.length], BigInt64Array.from(values, BigInt))

function modelWith(nodes: Nodes, constants: Record<string, OnnxTensor> = {}, inputs: readonly string[] = ['x']): OnnxModel {
  return modelOf(nodes, { inputs: Object.fromEntries(inputs.map(name => [name, 'f32' as const])), outputs: ['y'], constants })
}

/** The operators left once all rules were applied. */
async function left(model: OnnxModel): Promise<string[]> {
  return (await optimize(importOnnx(model))).nodes.map(({ op }) => op)
}

describe('transposes', () => {
  test('that undo each other are gone, with what lies between', async () => {
    const model = modelWith(
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(0, 2, 3, 1) },
        { op: 'Mul', inputs: ['a', 'scale'], outputs: ['b'] },
        { op: 'Sigmoid', inputs: ['b'], outputs: ['c'] },
        { op: 'Sub', inputs: ['one', 'c'], outputs: ['d'] },
        { op: 'Mul', inputs: ['b', 'd'], outputs: ['e'] },
        { op: 'Transpose', inputs: ['e'], outputs: ['y'], attributes: order(0, 3, 1, 2) },
      ],
      { scale: waves([3], 2), one: tensor('f32', [], Float32Array.of(1)) },
    )
    expect(await left(model)).toEqual(['Mul', 'Sigmoid', 'Sub', 'Mul', 'Identity'])
    expect(opsOf(await expectSame(model, { x: waves([2, 3, 4, 5]) }))).toEqual(['map', 'map'])
  })

  test('of operands moved alike sink together and join the next', async () => {
    const model = modelWith(
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(1, 2, 0) },
        { op: 'Transpose', inputs: ['z'], outputs: ['b'], attributes: order(1, 2, 0) },
        { op: 'Add', inputs: ['a', 'b'], outputs: ['c'] },
        { op: 'Transpose', inputs: ['c'], outputs: ['y'], attributes: order(0, 2, 1) },
      ],
      {},
      ['x', 'z'],
    )
    expect(await left(model)).toEqual(['Add', 'Transpose'])
    await expectSame(model, { x: waves([2, 3, 4]), z: waves([1, 3, 1], 5) })
  })

  test.each<[string, Nodes]>([
    [
      'that something else reads',
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(0, 2, 1) },
        { op: 'Relu', inputs: ['a'], outputs: ['b'] },
        { op: 'Transpose', inputs: ['b'], outputs: ['c'], attributes: order(0, 2, 1) },
        { op: 'MatMul', inputs: ['b', 'c'], outputs: ['y'] },
      ],
    ],
    [
      'of which only one operand is moved',
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(0, 2, 1) },
        { op: 'Exp', inputs: ['x'], outputs: ['e'] },
        { op: 'Add', inputs: ['a', 'e'], outputs: ['b'] },
        { op: 'Transpose', inputs: ['b'], outputs: ['y'], attributes: order(0, 2, 1) },
      ],
    ],
    [
      'moved apart',
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(0, 2, 1) },
        { op: 'Transpose', inputs: ['x'], outputs: ['e'], attributes: order(2, 1, 0) },
        { op: 'Add', inputs: ['a', 'e'], outputs: ['b'] },
        { op: 'Transpose', inputs: ['b'], outputs: ['y'], attributes: order(0, 2, 1) },
      ],
    ],
    [
      'with a table of numbers between',
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(0, 2, 1) },
        { op: 'Add', inputs: ['a', 'table'], outputs: ['b'] },
        { op: 'Transpose', inputs: ['b'], outputs: ['y'], attributes: order(0, 2, 1) },
      ],
    ],
  ])('stay around a value %s', async (_, nodes) => {
    const model = modelWith(nodes, { table: waves([3, 3], 4) })
    expect((await left(model)).filter(op => op === 'Transpose')).toHaveLength(nodes.filter(({ op }) => op === 'Transpose').length)
    await expectSame(model, { x: waves([3, 3, 3]) })
  })

  test('whose axes are no order are left to the definition', async () => {
    for (const [first, second] of [
      [
        [0, 0, 1],
        [0, 2, 1],
      ],
      [
        [0, 2, 1],
        [0, 3, 1, 2],
      ],
    ] as const) {
      const model = modelWith([
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(...first) },
        { op: 'Relu', inputs: ['a'], outputs: ['b'] },
        { op: 'Transpose', inputs: ['b'], outputs: ['y'], attributes: order(...second) },
      ])
      const graph = await compile(model)
      await expect(graph.run(new Map([['x', waves([2, 3, 4])]]))).rejects.toMatchObject({
        message: expect.stringContaining('Transpose "node'),
      })
    }
  })

  test('to images are how images lie', async () => {
    const model = modelWith(
      [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: order(0, 3, 1, 2) },
        { op: 'Conv', inputs: ['a', 'w'], outputs: ['b'] },
        { op: 'Transpose', inputs: ['b'], outputs: ['y'], attributes: order(0, 2, 3, 1) },
      ],
      { w: waves([4, 3, 2, 2]) },
    )
    expect(opsOf(await expectSame(model, { x: waves([2, 5, 6, 3]) }))).toEqual(['conv'])
  })
})

describe('reshapes', () => {
  test('sink to the next, and back to the shape of an image they leave it as it lies', async () => {
    const model = modelWith(
      [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
        { op: 'Flatten', inputs: ['a'], outputs: ['b'] },
        { op: 'Exp', inputs: ['b'], outputs: ['c'] },
        { op: 'Mul', inputs: ['c', 'half'], outputs: ['d'] },
        { op: 'Reshape', inputs: ['d', 'image'], outputs: ['e'] },
        { op: 'Conv', inputs: ['e', 'v'], outputs: ['y'] },
      ],
      { w: waves([4, 3, 1, 1]), v: waves([2, 4, 1, 1], 3), half: tensor('f32', [1], Float32Array.of(0.5)), image: ints(-1, 4, 5, 6) },
    )
    expect(await left(model)).toEqual(['Conv', 'Exp', 'Mul', 'Reshape', 'Conv'])
    expect(opsOf(await expectSame(model, { x: waves([2, 3, 5, 6]) }))).toEqual(['copy', 'conv', 'map', 'conv', 'copy'])
  })

  test.each<[string, Nodes]>([
    [
      'copies a size of what it reshapes',
      [
        { op: 'Reshape', inputs: ['x', 'row'], outputs: ['a'] },
        { op: 'Neg', inputs: ['a'], outputs: ['b'] },
        { op: 'Reshape', inputs: ['b', 'zero'], outputs: ['y'] },
      ],
    ],
    [
      'follows two that broadcast',
      [
        { op: 'Reshape', inputs: ['x', 'row'], outputs: ['a'] },
        { op: 'Reshape', inputs: ['x', 'column'], outputs: ['b'] },
        { op: 'Add', inputs: ['a', 'b'], outputs: ['c'] },
        { op: 'Reshape', inputs: ['c', 'flat'], outputs: ['y'] },
      ],
    ],
  ])('stay where the next %s', async (_, nodes) => {
    const model = modelWith(nodes, { row: ints(1, 6), column: ints(6, 1), zero: ints(0, -1), flat: ints(-1) })
    expect((await left(model)).filter(op => op === 'Reshape')).toHaveLength(nodes.filter(({ op }) => op === 'Reshape').length)
    await expectSame(model, { x: waves([2, 3]) })
  })
})

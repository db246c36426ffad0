import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile, expectSame, opsOf } from '../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../test/graph-models.ts'
import { f16ToF32, f32ToF16, tensor } from '../core/index.ts'
import type { OnnxModel } from '../formats/index.ts'
import type { CompiledGraph } from './compiled-graph.ts'
import type { GraphTensor } from './operator.ts'

describe('a compiled graph', () => {
  test('fuses scaling, residual and activation into a convolution', async () => {
    const model = modelOf(
      [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'], attributes: { pads: { type: 'ints', value: [1, 1, 1, 1] } } },
        { op: 'BatchNormalization', inputs: ['a', 's', 'b', 'm', 'v'], outputs: ['n'] },
        { op: 'Add', inputs: ['n', 'x'], outputs: ['r'] },
        { op: 'Relu', inputs: ['r'], outputs: ['y'] },
      ],
      {
        inputs: { x: 'f32' },
        outputs: ['y'],
        constants: {
          w: waves([4, 4, 3, 3]),
          s: waves([4], 2),
          b: waves([4], 3),
          m: waves([4], 4),
          v: tensor('f32', [4], Float32Array.of(0.5, 1, 2, 3)),
        },
      },
    )
    expect(opsOf(await expectSame(model, { x: waves([2, 4, 5, 6], 7) }))).toEqual(['copy', 'conv', 'copy'])
  })

  test('adds a residual that broadcasts apart', async () => {
    const model = modelOf(
      [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
        { op: 'Add', inputs: ['a', 'z'], outputs: ['y'] },
      ],
      { inputs: { x: 'f32', z: 'f32' }, outputs: ['y'], constants: { w: waves([3, 2, 1, 1]) } },
    )
    await expectSame(model, { x: waves([1, 2, 4, 4]), z: waves([1, 3, 1, 1], 5) })
  })

  test('run over and over leaves timers their turn', async () => {
    const graph = await compile(modelOf([{ op: 'NonZero', inputs: ['x'], outputs: ['y'] }], { inputs: { x: 'f32' }, outputs: ['y'] }))
    let isDue = false
    setTimeout(() => {
      isDue = true
    }, 5)
    let runs = 0
    while (!isDue && runs < 200_000) {
      await graph.run(new Map([['x', waves([4])]]))
      runs++
    }
    graph.dispose()
    expect(isDue).toBe(true)
  })

  test('gives a product the axes of its bias', async () => {
    const model = modelOf(
      [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
        { op: 'Add', inputs: ['a', 'b'], outputs: ['y'] },
      ],
      { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([6, 5]), b: waves([1, 5], 2) } },
    )
    await expectSame(model, { x: waves([6]) })
  })

  test('scales an image by a number found while running', async () => {
    const model = modelOf(
      [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
        { op: 'ReduceMax', inputs: ['x'], outputs: ['m'], attributes: { keepdims: { type: 'int', value: 0 } } },
        { op: 'Mul', inputs: ['a', 'm'], outputs: ['y'] },
      ],
      { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([3, 2, 2, 2]) } },
    )
    await expectSame(model, { x: waves([1, 2, 4, 4]) })
  })

  test('plans anew for other shapes and keeps the plans', async () => {
    const model = modelOf([{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }], {
      inputs: { x: 'f32' },
      outputs: ['y'],
      constants: { w: waves([6, 5]) },
    })
    const graph = await expectSame(model, { x: waves([3, 6]) })
    await expectSame(model, { x: waves([2, 4, 6]) }, graph)
    await expectSame(model, { x: waves([3, 6], 9) }, graph)
    expect(graph.plans.size).toBe(2)
  })

  test('runs overlap, also while plans are made', async () => {
    const model = modelOf(
      [
        { op: 'Sin', inputs: ['x'], outputs: ['a'] },
        { op: 'NonZero', inputs: ['a'], outputs: ['n'] },
      ],
      { inputs: { x: 'f32' }, outputs: ['a', 'n'] },
    )
    const graph = await compile(model)
    const runs = [3, 4, 3, 5, 4, 3].map(size => graph.run(new Map([['x', waves([size])]])))
    expect((await Promise.all(runs)).map(([a]) => (a as GraphTensor).shape[0])).toEqual([3, 4, 3, 5, 4, 3])
  })

  test('goes on with every size that data produce, and with either branch', async () => {
    const branch = (op: string, name: string): OnnxModel['graph'] =>
      modelOf([{ op, inputs: ['kept'], outputs: [name] }], { inputs: {}, outputs: [name] }).graph
    const model = modelOf(
      [
        { op: 'Compress', inputs: ['x', 'mask'], outputs: ['kept'] },
        { op: 'ReduceSum', inputs: ['kept'], outputs: ['sum'], attributes: { keepdims: { type: 'int', value: 0 } } },
        { op: 'Greater', inputs: ['sum', 'zero'], outputs: ['positive'] },
        {
          op: 'If',
          inputs: ['positive'],
          outputs: ['chosen'],
          attributes: {
            then_branch: { type: 'graph', value: branch('Exp', 'e') },
            else_branch: { type: 'graph', value: branch('Neg', 'n') },
          },
        },
        { op: 'Mul', inputs: ['chosen', 'chosen'], outputs: ['y'] },
      ],
      { inputs: { x: 'f32', mask: 'bool' }, outputs: ['y'], constants: { zero: tensor('f32', [], Float32Array.of(0)) } },
    )
    let graph: CompiledGraph | undefined
    for (const [sign, mask] of [
      [1, [1, 0, 1]],
      [-1, [1, 0, 1]],
      [1, [1, 1, 1]],
      [-1, [0, 0, 1]],
    ] as const) {
      const x = tensor('f32', [3], Float32Array.of(sign, sign * 2, sign * 3))
      graph = await expectSame(model, { x, mask: tensor('bool', [3], Uint8Array.from(mask)) }, graph)
    }
  })

  test('four-bit weights with zero points and finer scales are widened', async () => {
    const model = modelOf(
      [
        {
          op: 'MatMulNBits',
          domain: 'com.microsoft',
          inputs: ['x', 'b', 's', 'z'],
          outputs: ['y'],
          attributes: {
            K: { type: 'int', value: 96 },
            N: { type: 'int', value: 2 },
            bits: { type: 'int', value: 4 },
            block_size: { type: 'int', value: 32 },
          },
        },
      ],
      {
        inputs: { x: 'f32' },
        outputs: ['y'],
        constants: {
          s: waves([6], 4),
          z: tensor('u8', [4], Uint8Array.of(0x5a, 0x03, 0xf1, 0x08)),
          b: tensor(
            'u8',
            [2, 3, 16],
            Uint8Array.from({ length: 96 }, (_, i) => (i * 53 + 7) % 256),
          ),
        },
      },
    )
    expect(opsOf(await expectSame(model, { x: waves([2, 96]) }))).toEqual(['matmul'])
  })

  test('four-bit weights are packed as blocks and computed alike', async () => {
    const scales = tensor(
      'f32',
      [6 * 2],
      Float32Array.from({ length: 12 }, (_, i) => f16ToF32(f32ToF16(0.01 + i * 0.003))),
    )
    const model = modelOf(
      [
        {
          op: 'MatMulNBits',
          domain: 'com.microsoft',
          inputs: ['x', 'b', 's'],
          outputs: ['y'],
          attributes: {
            K: { type: 'int', value: 64 },
            N: { type: 'int', value: 6 },
            bits: { type: 'int', value: 4 },
            block_size: { type: 'int', value: 32 },
          },
        },
      ],
      {
        inputs: { x: 'f32' },
        outputs: ['y'],
        constants: {
          s: scales,
          b: tensor(
            'u8',
            [6, 2, 16],
            Uint8Array.from({ length: 192 }, (_, i) => (i * 37 + 11) % 256),
          ),
        },
      },
    )
    expect(opsOf(await expectSame(model, { x: waves([3, 64]) }))).toEqual(['matmul'])
  })

  test('a value quantised and dequantised at once stays in the program', async () => {
    const grid = (type: 'i8' | 'u8', zero: number): Record<string, GraphTensor> => ({
      s: tensor('f32', [], Float32Array.of(0.02)),
      z: type === 'i8' ? tensor('i8', [], Int8Array.of(zero)) : tensor('u8', [], Uint8Array.of(zero)),
    })
    for (const constants of [grid('i8', 0), grid('i8', -7), grid('u8', 128), grid('u8', 0)]) {
      const model = modelOf(
        [
          { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] },
          { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'] },
          { op: 'MatMul', inputs: ['d', 'w'], outputs: ['y'] },
        ],
        { inputs: { x: 'f32' }, outputs: ['y'], constants: { ...constants, w: waves([8, 3]) } },
      )
      const x = waves([5, 8], 3)
      const wide = { ...x, data: (x.data as Float32Array).map(value => value * 4) }
      expect(opsOf(await expectSame(model, { x: wide }))).toEqual(['map', 'matmul'])
    }
  })

  test('elementwise chains give what their operators give, whatever broadcasts', async () => {
    const ops = fc.constantFrom('Add', 'Sub', 'Mul', 'Max', 'Min')
    const shapes = fc.constantFrom([2, 3, 4], [3, 4], [4], [1, 3, 1], [2, 1, 1], [])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(ops, shapes, fc.boolean()), { minLength: 1, maxLength: 12 }), async steps => {
        const constants: Record<string, GraphTensor> = {}
        const inputs: Record<string, GraphTensor> = { x: waves([2, 3, 4]) }
        const nodes = steps.map(([op, shape, isConstant], i) => {
          const other = `o${i}`
          ;(isConstant ? constants : inputs)[other] = waves(shape, i + 2)
          return { op, inputs: [i === 0 ? 'x' : `t${i - 1}`, other], outputs: [`t${i}`] }
        })
        const model = modelOf(nodes, {
          inputs: Object.fromEntries(Object.keys(inputs).map(name => [name, 'f32' as const])),
          outputs: [`t${steps.length - 1}`],
          constants,
        })
        await expectSame(model, inputs)
      }),
      { numRuns: 40 },
    )
  })

  test('an index outside a table is refused before anything reads it', async () => {
    const model = modelOf([{ op: 'Gather', inputs: ['table', 'ids'], outputs: ['y'] }], {
      inputs: { ids: 'i64' },
      outputs: ['y'],
      constants: { table: waves([5, 3]) },
    })
    await expectSame(model, { ids: tensor('i64', [3], BigInt64Array.of(0n, -1n, 4n)) })
    const graph = await compile(model)
    await expect(graph.run(new Map([['ids', tensor('i64', [1], BigInt64Array.of(5n))]]))).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
  })
})

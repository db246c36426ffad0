import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, ints, runOperator, text } from '../../../../test/operator-call.ts'
import type { OnnxAttribute } from '../../../formats/index.ts'
import type { GraphTensor } from '../../operator.ts'

const wave = (shape: readonly number[], seed: number): GraphTensor =>
  f32(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.round(8 * Math.sin(i * 1.7 + seed))))

/** One spatial axis of a random convolution. */
const axis = fc.record({
  size: fc.integer({ min: 4, max: 7 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  begin: fc.integer({ min: 0, max: 2 }),
  end: fc.integer({ min: 0, max: 2 }),
})

type Axis = typeof axis extends fc.Arbitrary<infer T> ? T : never

function attributesOf(axes: readonly Axis[], group: number): Record<string, OnnxAttribute> {
  return {
    strides: ints(...axes.map(a => a.stride)),
    dilations: ints(...axes.map(a => a.dilation)),
    pads: ints(...axes.map(a => a.begin), ...axes.map(a => a.end)),
    group: int(group),
  }
}

/** Σ x·w straight from the definition, one output at a time. */
function oneOutput(x: GraphTensor, w: GraphTensor, axes: readonly Axis[], channel: number, position: readonly number[]): number {
  const [channels, rank] = [w.shape[1]!, axes.length]
  const taps = w.shape.slice(2).reduce((a, b) => a * b, 1)
  let sum = 0
  for (let c = 0; c < channels; c++)
    for (let tap = 0; tap < taps; tap++) {
      let [rest, at, inside] = [tap, 0, true]
      const index = new Array<number>(rank)
      for (let i = rank - 1; i >= 0; i--) {
        index[i] = position[i]! * axes[i]!.stride - axes[i]!.begin + (rest % w.shape[i + 2]!) * axes[i]!.dilation
        rest = Math.floor(rest / w.shape[i + 2]!)
        if (index[i]! < 0 || index[i]! >= x.shape[i + 2]!) inside = false
      }
      for (let i = 0; i < rank; i++) at = at * x.shape[i + 2]! + index[i]!
      const plane = x.shape.slice(2).reduce((a, b) => a * b, 1)
      if (inside) sum += (x.data[c * plane + at] as number) * (w.data[(channel * channels + c) * taps + tap] as number)
    }
  return sum
}

describe('Conv', () => {
  it('is the sum of its definition at any rank, stride, dilation and padding', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(axis, { minLength: 1, maxLength: 4 }), async axes => {
        fc.pre(axes.every(a => (a.kernel - 1) * a.dilation < a.size + a.begin + a.end))
        const x = wave([1, 2, ...axes.map(a => a.size)], 1)
        const w = wave([3, 2, ...axes.map(a => a.kernel)], 2)
        const [y] = await runOperator('Conv', [x, w], { attributes: attributesOf(axes, 1) })
        const spatial = y!.shape.slice(2)
        for (let index = 0; index < y!.data.length; index++) {
          const position: number[] = []
          let rest = index
          for (let i = spatial.length - 1; i >= 0; i--) {
            position.unshift(rest % spatial[i]!)
            rest = Math.floor(rest / spatial[i]!)
          }
          expect(y!.data[index]).toBe(oneOutput(x, w, axes, rest, position))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('has ConvTranspose as its adjoint: ⟨conv(x), y⟩ = ⟨x, transpose(y)⟩', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(axis, { minLength: 1, maxLength: 3 }), fc.constantFrom(1, 2), async (axes, group) => {
        fc.pre(axes.every(a => (a.kernel - 1) * a.dilation < a.size + a.begin + a.end))
        const x = wave([1, 4, ...axes.map(a => a.size)], 1)
        const w = wave([2, 4 / group, ...axes.map(a => a.kernel)], 2)
        const attributes = attributesOf(axes, group)
        const [forward] = await runOperator('Conv', [x, w], { attributes })
        const y = wave(forward!.shape, 3)
        const extra = axes.map((a, i) => a.size + a.begin + a.end - (a.kernel - 1) * a.dilation - 1 - (y.shape[i + 2]! - 1) * a.stride)
        const [back] = await runOperator('ConvTranspose', [y, w], { attributes: { ...attributes, output_padding: ints(...extra) } })
        expect(back!.shape).toEqual(x.shape)
        const dot = (a: GraphTensor, b: GraphTensor): number =>
          (a.data as Float32Array).reduce((sum, value, i) => sum + value * (b.data[i] as number), 0)
        expect(dot(forward!, y)).toBe(dot(x, back!))
      }),
      { numRuns: 40 },
    )
  })
})

describe('refusals', () => {
  const conv = (x: GraphTensor, w: GraphTensor, attributes: Record<string, OnnxAttribute> = {}) =>
    failureOf(() => runOperator('Conv', [x, w], { attributes }))

  it('come before anything is allocated', async () => {
    const [x, w] = [f32([1, 1, 4, 4]), f32([1, 1, 3, 3])]
    expect(await conv(x, w, { strides: ints(0, 1) })).toBe('GRAPH_INVALID')
    expect(await conv(x, w, { dilations: ints(1) })).toBe('GRAPH_INVALID')
    expect(await conv(x, w, { pads: ints(-1, 0, 0, 0) })).toBe('GRAPH_INVALID')
    expect(await conv(x, w, { group: int(0) })).toBe('GRAPH_INVALID')
    expect(await conv(x, w, { auto_pad: text('SOME') })).toBe('GRAPH_INVALID')
    expect(await conv(x, f32([1, 1, 5, 5]))).toBe('SHAPE_MISMATCH')
    expect(await conv(x, f32([1, 2, 3, 3]))).toBe('SHAPE_MISMATCH')
    expect(await conv(x, w, { pads: ints(2 ** 40, 2 ** 40, 0, 0) })).toBe('OUT_OF_MEMORY')
    const huge = { attributes: { strides: ints(2 ** 30, 2 ** 30) } }
    expect(await failureOf(() => runOperator('ConvTranspose', [x, w], huge))).toBe('OUT_OF_MEMORY')
    const blocks = [f32([1, 4, 1]), i64([2], 2 ** 20, 2 ** 20), i64([2], 2, 2)]
    expect(await failureOf(() => runOperator('Col2Im', blocks, { attributes: huge.attributes }))).toBe('OUT_OF_MEMORY')
  })
})

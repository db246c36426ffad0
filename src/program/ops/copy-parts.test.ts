import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../core/index.ts'
import { type CopyAttributes, copy } from './copy.ts'
import { concatenated, expanded, padded, sliced, transposed } from './copy-parts.ts'

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/** 1, 2, 3, … in row-major order. */
function numbered(shape: readonly number[]): Tensor<'f32'> {
  return { dtype: 'f32', shape, data: Float32Array.from({ length: count(shape) }, (_, i) => i + 1) }
}

function run(inputs: readonly Tensor[], attributes: CopyAttributes): number[] {
  const [type] = copy.infer(inputs, attributes)
  const shape = type!.shape as readonly number[]
  const output: Tensor<'f32'> = { dtype: 'f32', shape, data: new Float32Array(count(shape)).fill(Number.NaN) }
  copy.run({ inputs, outputs: [output], attributes, produce() {}, resolve: dim => dim as number })
  return Array.from(output.data)
}

describe('what copies are made of', () => {
  const x = numbered([2, 3])

  it('transposes', () => expect(run([x], transposed([2, 3], [1, 0]))).toEqual([1, 4, 2, 5, 3, 6]))
  it('expands', () => expect(run([numbered([2, 1])], expanded([2, 1], [2, 2, 2]))).toEqual([1, 1, 2, 2, 1, 1, 2, 2]))
  it('slices with steps', () => expect(run([x], sliced([2, 3], [1, 2], [-1, -2], [2, 2]))).toEqual([6, 4, 3, 1]))
  it('joins', () =>
    expect(
      run(
        [x, numbered([2, 1])],
        concatenated(
          [
            [2, 3],
            [2, 1],
          ],
          1,
        ),
      ),
    ).toEqual([1, 2, 3, 1, 4, 5, 6, 2]))
  it('pads', () => expect(run([x], padded([2, 3], [1, 0], [0, 1], 9))).toEqual([9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9]))

  it('covers every element of a padded tensor once, cuts included', () => {
    const axis = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -6, max: 6 }), fc.integer({ min: -6, max: 6 }))
    fc.assert(
      fc.property(fc.array(axis, { minLength: 1, maxLength: 3 }), axes => {
        const [shape, before, after] = [0, 1, 2].map(i => axes.map(a => a[i]!)) as [number[], number[], number[]]
        const attributes = padded(shape, before, after, -1)
        const size = attributes.shape as readonly number[]
        const want = Array.from({ length: count(size) }, (_, i) => {
          let source = 0
          let rest = i
          let isInside = true
          const place = size.map(() => 0)
          for (let a = size.length - 1; a >= 0; a--) {
            place[a] = (rest % size[a]!) - before[a]!
            rest = Math.floor(rest / size[a]!)
          }
          for (const [a, at] of place.entries()) {
            isInside &&= at >= 0 && at < shape[a]!
            source = source * shape[a]! + at
          }
          return isInside ? source + 1 : -1
        })
        expect(run([numbered(shape)], attributes)).toEqual(want)
      }),
    )
  })

  it('refuses parts that leave their operand', () => {
    expect(() => run([x], sliced([2, 3], [0, 1], [1, 1], [2, 3]))).toThrow(/reaches elements 1 to 6 of 6/)
    expect(() => run([x], sliced([2, 3], [0, 1], [1, -1], [2, 3]))).toThrow(/reaches elements -1 to 4 of 6/)
  })
})

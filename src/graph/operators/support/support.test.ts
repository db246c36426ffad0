import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { f32, operatorCall, typed } from '../../../../test/operator-call.ts'
import { allocate, elementCount } from '../../../core/index.ts'
import type { OperatorCall } from '../../operator.ts'
import {
  broadcastShapes,
  broadcastStrides,
  cellsOf,
  checkedCount,
  decoderOf,
  encodePower,
  encodeSmallFloat,
  erf,
  f64ToF16,
  forEachRow,
  gatherStrided,
  indexInto,
  integersOf,
  normalizeAxes,
  numbersOf,
  type SmallFloat,
  smallFloatValues,
  stridesOf,
  tensorFromNumbers,
} from './index.ts'

const call: OperatorCall = operatorCall('Test', [])

describe('broadcasting', () => {
  it('stretches sizes of 1 and missing axes', () => {
    expect(broadcastShapes(call, [3, 1], [2, 1, 4], [])).toEqual([2, 3, 4])
    expect(broadcastShapes(call, [0, 1], [1, 5])).toEqual([0, 5])
    expect(broadcastStrides([3, 1], [2, 3, 4])).toEqual([0, 1, 0])
  })

  it('refuses sizes that do not go together, naming the node', () => {
    expect(() => broadcastShapes(call, [2, 3], [2, 4])).toThrow('Test "test": shapes [2, 3] and [2, 4] do not broadcast together')
  })
})

describe('forEachRow', () => {
  it('meets the elements of every operand in row-major order, whatever the strides', () => {
    const axes = fc.array(fc.record({ size: fc.integer({ min: 0, max: 3 }), a: fc.integer({ min: -3, max: 3 }), b: fc.nat(3) }), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(axes, axes => {
        const shape = axes.map(({ size }) => size)
        const strides = [axes.map(({ a }) => a), axes.map(({ b }) => b)]
        const met: number[][] = []
        forEachRow(shape, strides, (offsets, length, steps) => {
          for (let at = 0; at < length; at++) met.push([offsets[0]! + at * steps[0]!, offsets[1]! + at * steps[1]!])
        })
        const own = stridesOf(shape)
        const expected = Array.from({ length: elementCount(shape) }, (_, flat) =>
          strides.map(list => list.reduce((sum, stride, axis) => sum + stride * (Math.floor(flat / own[axis]!) % shape[axis]!), 0)),
        )
        expect(met).toEqual(expected)
      }),
    )
  })
})

describe('cells', () => {
  it('move elements of every width unchanged', () => {
    for (const dtype of ['u8', 'f16', 'f32', 'f64', 'i64', 'c64', 'c128'] as const) {
      const data = allocate(dtype, dtype.startsWith('c') ? 12 : 6)
      new Uint8Array((data as Uint8Array).buffer).forEach((_, index, bytes) => {
        bytes[index] = index + 1
      })
      const input = typed(dtype, [2, 3], data)
      const there = gatherStrided(call, input, [3, 2], [1, 3])
      const back = gatherStrided(call, there, [2, 3], [1, 2])
      expect(cellsOf(back).data).toEqual(cellsOf(input).data)
      expect(cellsOf(there).data).not.toEqual(cellsOf(input).data)
    }
  })
})

describe('bounds', () => {
  it('are checked before anything is allocated', () => {
    expect(() => checkedCount(call, [2 ** 16, 2 ** 16])).toThrow('more than 2147483648 elements')
    expect(() => checkedCount(call, [2 ** 30, 2 ** 30], 'string')).toThrow('elements')
    expect(() => checkedCount(call, [3, -1])).toThrow('has the size -1')
    expect(() => checkedCount(call, [Number.NaN])).toThrow('has the size NaN')
    expect(() => checkedCount(call, [2 ** 60, 0])).toThrow('elements')
    expect(checkedCount(call, [2 ** 20, 0])).toBe(0)
  })

  it('name the index and the size', () => {
    expect(indexInto(call, -2, 3)).toBe(1)
    expect(() => indexInto(call, 3, 3)).toThrow('index 3 is outside an axis of size 3')
    expect(() => indexInto(call, Number.NaN, 3)).toThrow('outside')
    expect(() => normalizeAxes(call, [0, -2], 2)).toThrow('name one axis twice')
    expect(() => integersOf(call, f32([1], 1), 'axes')).toThrow('axes must hold integers, holds f32')
  })
})

describe('small floats', () => {
  it('read back what they write', () => {
    for (const dtype of ['f8e4m3fn', 'f8e4m3fnuz', 'f8e5m2', 'f8e5m2fnuz', 'f4e2m1'] as SmallFloat[]) {
      const values = smallFloatValues(dtype).slice(0, dtype === 'f4e2m1' ? 16 : 256)
      values.forEach((value, code) => {
        if (Number.isNaN(value)) return
        expect(encodeSmallFloat(dtype, value, Number.isFinite(value))).toBe(code)
      })
    }
  })

  it('take the nearest value, ties to even, and overflow as asked', () => {
    // Steps at 1 are 1/8: 1.0625 is halfway between even 1 and odd 1.125.
    expect(encodeSmallFloat('f8e4m3fn', 1.0625, true)).toBe(encodeSmallFloat('f8e4m3fn', 1, true))
    expect(smallFloatValues('f8e4m3fn')[encodeSmallFloat('f8e4m3fn', 1e9, true)]).toBe(448)
    expect(smallFloatValues('f8e4m3fn')[encodeSmallFloat('f8e4m3fn', 1e9, false)]).toBeNaN()
    expect(smallFloatValues('f8e5m2')[encodeSmallFloat('f8e5m2', -1e9, false)]).toBe(Number.NEGATIVE_INFINITY)
    expect(encodeSmallFloat('f8e5m2fnuz', -0, true)).toBe(0)
  })

  it('round powers of two the way they are told', () => {
    expect([encodePower(5, true, 'up'), encodePower(5, true, 'down'), encodePower(6, true, 'nearest')]).toEqual([130, 129, 130])
    expect([encodePower(Number.POSITIVE_INFINITY, true, 'up'), encodePower(Number.POSITIVE_INFINITY, false, 'nearest')]).toEqual([254, 255])
  })

  it('round a double to a half once', () => {
    // Just above a tie of halves, but a tie as a single.
    expect(f64ToF16(1 + 2 ** -11 + 2 ** -40)).toBe(0x3c01)
    expect(f64ToF16(1 + 2 ** -11)).toBe(0x3c00)
  })
})

describe('numbers', () => {
  it('survive a round trip through every type that holds them', () => {
    for (const dtype of ['f16', 'bf16', 'f32', 'f64', 'i4', 'i8', 'i16', 'i32', 'i64', 'f8e4m3fn', 'f8e5m2'] as const) {
      const written = tensorFromNumbers(call, dtype, [5], new Float64Array([0, 1, -1, 4, -6]))
      expect([...numbersOf(call, written)], dtype).toEqual([0, 1, -1, 4, -6])
    }
    expect(decoderOf('f32')).toBeUndefined()
  })

  it('keep the low bits of integers', () => {
    expect(tensorFromNumbers(call, 'i4', [3], new Float64Array([7, 8, -9])).data).toEqual(new Int8Array([7, -8, 7]))
    expect(tensorFromNumbers(call, 'u2', [2], new Float64Array([5, -1])).data).toEqual(new Uint8Array([1, 3]))
  })
})

describe('erf', () => {
  it('agrees with tabulated values', () => {
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15)
    expect(erf(2.4)).toBeCloseTo(0.9993114861033549, 15)
    expect(erf(2.6)).toBeCloseTo(0.9997639655834707, 15)
    expect([erf(-7), erf(Number.POSITIVE_INFINITY), erf(Number.NaN)]).toEqual([-1, 1, Number.NaN])
  })
})

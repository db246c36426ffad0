import { describe, expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import { Rng } from '../../core/index.ts'
import { readFloat32 } from '../file-tensor.ts'
import { openGguf } from '../gguf/open-gguf.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { STORAGE_TYPES, type StorageType, storageBytes, WEIGHT_TYPES } from '../storage-types.ts'
import { dequantize, quantize } from './dequantize.ts'

describeWithTestdata('dequantize against reference values', () => {
  test('every tensor of a supported type is bit-equal', async () => {
    const gguf = await openGguf(testdata('gguf-quant-reference', 'real-embedding-quantised.gguf'))
    const expected = await openSafetensors(testdata('gguf-quant-reference', 'expected-f32.safetensors'))
    const seen = new Set<string>()
    for (const [name, tensor] of gguf.tensors) {
      const reference = expected.tensors.get(name)
      if (reference === undefined) continue
      seen.add(tensor.type)
      const actual = await readFloat32(tensor)
      const wanted = await readFloat32(reference)
      expect(tensor.shape, name).toEqual(reference.shape)
      expect(firstDifference(actual, wanted), name).toBeUndefined()
    }
    expect([...seen].sort()).toEqual(WEIGHT_TYPES.filter(type => type !== 'f16').toSorted())
    await Promise.all([gguf.close(), expected.close()])
  })
})

/** Bits are compared, so that signed zeros count; any NaN equals any other. */
function firstDifference(actual: Float32Array, expected: Float32Array): string | undefined {
  if (actual.length !== expected.length) return `length ${actual.length}, expected ${expected.length}`
  for (let i = 0; i < actual.length; i++)
    if (!Object.is(actual[i], expected[i])) return `element ${i}: ${actual[i]}, expected ${expected[i]}`
  return undefined
}

/** Largest error of a round trip relative to the largest magnitude of the block, with room for the scales' own rounding. */
const ROUND_TRIP_BOUND: Partial<Record<StorageType, number>> = {
  f32: 0,
  f16: 2 ** -11,
  bf16: 2 ** -8,
  q4_0: 0.13,
  q4_1: 0.08,
  q5_0: 0.065,
  q5_1: 0.04,
  q8_0: 0.005,
  q2_k: 0.4,
  q3_k: 0.3,
  q4_k: 0.1,
  q5_k: 0.06,
  q6_k: 0.04,
  iq4_nl: 0.12,
  iq4_xs: 0.14,
  mxfp4: 0.34,
}

describe('quantize', () => {
  test.each(WEIGHT_TYPES)('%s keeps values within its step', type => {
    const rng = new Rng(7)
    const values = Float32Array.from({ length: 2048 }, () => rng.normal())
    const bytes = quantize(type, values)
    expect(bytes.length).toBe(storageBytes(type, values.length))
    const back = dequantize(type, bytes, values.length)
    const { blockElements } = STORAGE_TYPES[type]
    for (let start = 0; start < values.length; start += blockElements) {
      const block = values.subarray(start, start + blockElements)
      const largest = block.reduce((max, x) => Math.max(max, Math.abs(x)), 0)
      for (let i = start; i < start + blockElements; i++)
        expect(Math.abs(back[i]! - values[i]!), `element ${i}`).toBeLessThanOrEqual(ROUND_TRIP_BOUND[type]! * largest)
    }
  })

  test.each(WEIGHT_TYPES)('%s of zeros is zeros', type => {
    expect(dequantize(type, quantize(type, new Float32Array(512)), 512).every(x => x === 0)).toBe(true)
  })

  test.each(['i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64', 'f64'] as const)('%s keeps small integers', type => {
    const values = Float32Array.of(0, 1, 5, 127)
    expect(dequantize(type, quantize(type, values), 4)).toEqual(values)
  })
})

describe('dequantize arguments', () => {
  test('bytes need not be aligned', () => {
    const bytes = new Uint8Array(9)
    bytes.set(quantize('f32', Float32Array.of(1.5, -2)), 1)
    expect(dequantize('f32', bytes.subarray(1), 2)).toEqual(Float32Array.of(1.5, -2))
  })

  test('partial blocks, short input and short output are refused', () => {
    expect(() => dequantize('q4_0', new Uint8Array(18), 31)).toThrow('31 elements are not a whole number of q4_0 blocks of 32')
    expect(() => dequantize('q4_0', new Uint8Array(17), 32)).toThrow('32 q4_0 elements need 18 bytes, got 17')
    expect(() => dequantize('f16', new Uint8Array(4), 2, new Float32Array(1))).toThrow('2 f16 elements do not fit an output of 1')
  })
})

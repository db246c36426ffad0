import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { f32, failureOf, int, runOperator, text, typed } from '../../../../test/operator-call.ts'
import { allocate, type ElementType } from '../../../core/index.ts'
import type { OnnxAttribute } from '../../../formats/index.ts'
import type { GraphTensor } from '../../operator.ts'

interface StoredTensor {
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly data: string
}

interface StoredCase {
  readonly name: string
  readonly op: string
  readonly domain: string
  readonly version: number
  readonly tolerance: number
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
  readonly inputs: readonly (StoredTensor | null)[]
  readonly outputs: readonly (StoredTensor | null)[]
}

const file = new URL('../../../../test/conformance/onnx/fixtures/contrib.json', import.meta.url)
const cases: readonly StoredCase[] = JSON.parse(readFileSync(file, 'utf8'))

function decode({ dtype, shape, data }: StoredTensor): GraphTensor {
  const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0))
  const array = allocate(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  ) as Float32Array
  new Uint8Array(array.buffer).set(bytes)
  return { dtype, shape, data: array } as GraphTensor
}

/** The largest difference in units of the tolerance. */
function distance(got: GraphTensor, expected: GraphTensor, tolerance: number): number {
  let worst = 0
  for (const [i, value] of (expected.data as Float32Array).entries()) {
    const difference = Math.abs(Number(got.data[i]) - Number(value)) / (tolerance * (1 + Math.abs(Number(value))))
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference)
  }
  return worst
}

describe('operators of com.microsoft answer as ONNX Runtime does', () => {
  it.each(cases.map(stored => [stored.name, stored] as const))('%s', async (_, stored) => {
    const inputs = stored.inputs.map(input => (input ? decode(input) : undefined))
    const { domain, version, attributes } = stored
    const results = await runOperator(stored.op, inputs, { domain, version, attributes, outputs: stored.outputs.length })
    for (const [i, answer] of stored.outputs.entries()) {
      if (!answer) continue
      const expected = decode(answer)
      expect({ dtype: results[i]!.dtype, shape: results[i]!.shape }).toEqual({ dtype: expected.dtype, shape: expected.shape })
      expect(distance(results[i]!, expected, stored.tolerance)).toBeLessThanOrEqual(1)
    }
  })
})

const domain = 'com.microsoft'

describe('layouts ONNX Runtime has on other devices only', () => {
  it('packed queries, keys and values are those taken apart', async () => {
    const [batch, length, heads, size] = [2, 3, 2, 4]
    const packed = f32([batch, length, heads, 3, size], ...Array.from({ length: 144 }, (_, i) => Math.sin(i)))
    const part = (index: number): GraphTensor =>
      f32(
        [batch, length, heads * size],
        ...Array.from({ length: 48 }, (_, i) => packed.data[Math.floor(i / size) * 3 * size + index * size + (i % size)] as number),
      )
    const attributes = { num_heads: int(heads) }
    const [joined] = await runOperator('MultiHeadAttention', [packed], { domain, attributes })
    const [apart] = await runOperator('MultiHeadAttention', [part(0), part(1), part(2)], { domain, attributes })
    expect(joined).toEqual(apart)
  })
})

describe('refusals', () => {
  it('come before anything is read out of bounds', async () => {
    const nbits = { K: int(32), N: int(2 ** 20), bits: int(4), block_size: int(32) }
    const weights = typed('u8', [1], new Uint8Array(1))
    expect(await failureOf(() => runOperator('MatMulNBits', [f32([1, 32]), weights, f32([1], 1)], { domain, attributes: nbits }))).toBe(
      'SHAPE_MISMATCH',
    )
    const gqa = { num_heads: int(2), kv_num_heads: int(1) }
    const call = [f32([1, 1, 8]), f32([1, 1, 4]), f32([1, 1, 4]), undefined, undefined]
    const total = (value: number): GraphTensor => typed('i32', [], Int32Array.of(value))
    expect(
      await failureOf(() =>
        runOperator('GroupQueryAttention', [...call, typed('i32', [1], Int32Array.of(2 ** 30)), total(2 ** 31 - 1)], {
          domain,
          attributes: gqa,
        }),
      ),
    ).toBe('SHAPE_MISMATCH')
    expect(
      await failureOf(() =>
        runOperator('FusedGemm', [f32([1, 1], 1), f32([1, 1], 1)], { domain, attributes: { activation: text('Zap') } }),
      ),
    ).toBe('GRAPH_INVALID')
  })
})

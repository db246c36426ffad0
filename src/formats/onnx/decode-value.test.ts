import { expect, test } from 'vitest'
import { tensorProto } from '../../../test/onnx-writer.ts'
import { bytes, int } from '../../../test/protobuf-writer.ts'
import { decodeValue } from './decode-value.ts'
import type { OnnxType } from './model.ts'

const TENSOR: OnnxType = { kind: 'tensor', dtype: 'f32', shape: undefined }
const one = tensorProto({ name: '', code: 1, shape: [1], data: Float32Array.of(1) })
const value = { dtype: 'f32', shape: [1], data: Float32Array.of(1) }

const sequence = Buffer.concat([int(2, 1), bytes(3, one), bytes(3, one)])

test.each<[string, Uint8Array, OnnxType, unknown]>([
  ['a tensor', one, TENSOR, value],
  ['a sequence', sequence, { kind: 'sequence', element: TENSOR }, { kind: 'sequence', items: [value, value] }],
  ['an empty sequence', int(2, 1), { kind: 'sequence', element: TENSOR }, { kind: 'sequence', items: [] }],
  [
    'a sequence of sequences',
    Buffer.concat([int(2, 3), bytes(5, sequence)]),
    { kind: 'sequence', element: { kind: 'sequence', element: TENSOR } },
    { kind: 'sequence', items: [{ kind: 'sequence', items: [value, value] }] },
  ],
  ['a present optional', Buffer.concat([int(2, 1), bytes(3, one)]), { kind: 'optional', element: TENSOR }, { kind: 'optional', value }],
  ['an absent optional', int(2, 0), { kind: 'optional', element: TENSOR }, { kind: 'optional', value: undefined }],
  [
    'a map by integers',
    Buffer.concat([int(2, 7), int(3, -1), int(3, 5), bytes(5, sequence)]),
    { kind: 'map', key: 'i64', value: TENSOR },
    {
      kind: 'map',
      entries: new Map([
        [-1n, value],
        [5n, value],
      ]),
    },
  ],
  [
    'a map by names',
    Buffer.concat([int(2, 8), bytes(4, 'a'), bytes(4, 'b'), bytes(5, sequence)]),
    { kind: 'map', key: 'string', value: TENSOR },
    {
      kind: 'map',
      entries: new Map([
        ['a', value],
        ['b', value],
      ]),
    },
  ],
  [
    'a sparse tensor, dense',
    Buffer.concat([bytes(1, one), bytes(2, tensorProto({ name: '', code: 7, shape: [1], data: BigInt64Array.of(2n) })), int(3, 3)]),
    { kind: 'sparse-tensor', dtype: 'f32', shape: undefined },
    { dtype: 'f32', shape: [3], data: Float32Array.of(0, 0, 1) },
  ],
])('%s', (_, content, type, expected) => {
  expect(decodeValue(content, type)).toEqual(expected)
})

test('a map with more keys than values is refused', () => {
  const map = Buffer.concat([int(3, 1), int(3, 2), int(3, 3), bytes(5, sequence)])
  expect(() => decodeValue(map, { kind: 'map', key: 'i64', value: TENSOR })).toThrow('a map has 3 keys and 2 values')
})

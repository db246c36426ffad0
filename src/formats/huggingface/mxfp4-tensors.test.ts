import { expect, test } from 'vitest'
import type { Checkpoint, StoredTensor } from '../checkpoint.ts'
import { dequantize } from '../quantization/dequantize.ts'
import { withMxfp4Tensors } from './mxfp4-tensors.ts'

function bytesTensor(name: string, shape: readonly number[], bytes: Uint8Array): StoredTensor {
  const read = async (offset = 0, length = bytes.length - offset) => bytes.slice(offset, offset + length)
  return { name, type: 'u8', shape, byteLength: bytes.length, read }
}

function checkpointOf(...tensors: StoredTensor[]): Checkpoint {
  return { format: 'safetensors', files: [], tensors: new Map(tensors.map(tensor => [tensor.name, tensor])), close: async () => {} }
}

/** Two rows of one block each: numbers 0 to 7 of the grid with scale 1, then all of them with scale ½. */
const BLOCKS = Uint8Array.from([...[0x10, 0x32, 0x54, 0x76], ...new Uint8Array(12), ...[0x98, 0xba, 0xdc, 0xfe], ...new Uint8Array(12)])
const SCALES = Uint8Array.of(127, 126)

test('blocks and scales are one tensor of four-bit floats', async () => {
  const { tensors } = withMxfp4Tensors(checkpointOf(bytesTensor('w_blocks', [2, 1, 16], BLOCKS), bytesTensor('w_scales', [2, 1], SCALES)))
  expect([...tensors.keys()]).toEqual(['w'])
  const { type, shape, byteLength, read } = tensors.get('w')!
  expect([type, shape, byteLength]).toEqual(['mxfp4', [2, 32], 34])
  const values = dequantize('mxfp4', await read(), 64)
  expect(Array.from(values.subarray(0, 9))).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0])
  expect(Array.from(values.subarray(32, 40)).map(x => x + 0)).toEqual([0, -0.25, -0.5, -0.75, -1, -1.5, -2, -3])
})

test('any range of bytes is that of the whole', async () => {
  const { tensors } = withMxfp4Tensors(checkpointOf(bytesTensor('w_blocks', [2, 1, 16], BLOCKS), bytesTensor('w_scales', [2, 1], SCALES)))
  const { read } = tensors.get('w')!
  const all = await read()
  for (const [offset, length] of [
    [0, 1],
    [5, 20],
    [17, 17],
    [33, 1],
    [34, 0],
  ] as const)
    expect(await read(offset, length)).toEqual(all.slice(offset, offset + length))
  await expect(read(30, 5)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

test('a pair that does not fit together is refused, other tensors are left alone', () => {
  const blocks = bytesTensor('w_blocks', [2, 1, 16], BLOCKS)
  expect(() => withMxfp4Tensors(checkpointOf(blocks, bytesTensor('w_scales', [1, 2], SCALES)))).toThrow('w_scales')
  const alone = checkpointOf(blocks)
  expect(withMxfp4Tensors(alone)).toBe(alone)
})

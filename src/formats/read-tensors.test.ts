import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ElementType, Tensor } from '../core/index.ts'
import { writeNpy } from './npy/npy-file.ts'
import { writeNpz } from './npy/write-npz.ts'
import { readTensors } from './read-tensors.ts'
import { writeSafetensors } from './safetensors/write-safetensors.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-tensors-'))
const floats: Tensor<ElementType> = { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }
const indices: Tensor<ElementType> = { dtype: 'i64', shape: [1], data: BigInt64Array.of(-7n) }

test('safetensors, npz and npy by their content', async () => {
  const path = (name: string): string => join(folder, name)
  const tensors = [floats, indices].map(({ dtype, shape, data }, i) => {
    const view = data as Float32Array
    return { name: `t${i}`, type: dtype as 'f32', shape, data: new Uint8Array(view.buffer) }
  })
  await writeSafetensors(path('a'), { tensors })
  await writeNpz(
    path('b'),
    new Map([
      ['t0', floats],
      ['t1', indices],
    ]),
  )
  await writeNpy(path('c'), floats)
  for (const name of ['a', 'b']) {
    const set = await readTensors(path(name))
    expect(set.names).toEqual(['t0', 't1'])
    expect([...set].map(([, tensor]) => tensor)).toEqual([floats, indices])
    expect(set.get('t0', [2, 2])).toEqual(floats)
  }
  expect((await readTensors(path('c'))).get('array')).toEqual(floats)
})

test('what is not there, and what is no file of tensors', async () => {
  await writeNpz(join(folder, 'd'), new Map([['conv.weight', floats]]))
  const set = await readTensors(join(folder, 'd'))
  expect(set.has('conv.wieght')).toBe(false)
  expect(() => set.get('conv.wieght')).toThrow(
    expect.objectContaining({ code: 'TENSOR_MISSING', message: expect.stringContaining('did you mean "conv.weight"') }),
  )
  expect(() => set.get('conv.weight', [4])).toThrow(expect.objectContaining({ code: 'TENSOR_MISMATCH' }))
  writeFileSync(join(folder, 'e'), 'hello')
  await expect(readTensors(join(folder, 'e'))).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' })
  await expect(readTensors(join(folder, 'f'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  await expect(readTensors(join(folder, 'd'), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
})

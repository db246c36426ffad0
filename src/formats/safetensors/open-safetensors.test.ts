import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { readFloat32 } from '../file-tensor.ts'
import { quantize } from '../quantization/dequantize.ts'
import { requireSupported } from '../require-supported.ts'
import { openSafetensors } from './open-safetensors.ts'
import { encodeSafetensors, writeSafetensors } from './write-safetensors.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-safetensors-'))
afterAll(() => rmSync(folder, { recursive: true }))

let counter = 0
function save(content: Uint8Array | string, name = `${counter++}.safetensors`): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function file(header: unknown, dataBytes = 64): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  return Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(json.length)).buffer), json, Buffer.alloc(dataBytes)])
}

const vector = (name: string, ...values: number[]): { name: string; type: 'f32'; shape: number[]; data: Uint8Array } => ({
  name,
  type: 'f32',
  shape: [values.length],
  data: quantize('f32', Float32Array.from(values)),
})

describe('one file', () => {
  test('any set of tensors comes back', async () => {
    const names = fc.uniqueArray(
      fc.string({ minLength: 1, maxLength: 12 }).filter(name => name !== '__metadata__'),
      { maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(
        names,
        fc.array(fc.nat(4), { maxLength: 4 }),
        fc.constantFrom('f32', 'f16', 'bf16', 'i64', 'u8'),
        async (names, shape, type) => {
          const count = shape.reduce((a, b) => a * b, 1)
          const values = Float32Array.from({ length: count }, (_, i) => i % 100)
          const tensors = names.map(name => ({ name, type, shape, data: quantize(type, values) }))
          const path = join(folder, 'any.safetensors')
          await writeSafetensors(path, { tensors, metadata: { format: 'pt' } })
          const opened = await openSafetensors(path)
          expect([...opened.tensors.keys()].sort()).toEqual([...names].sort())
          for (const tensor of opened.tensors.values()) {
            expect(tensor.shape).toEqual(shape)
            expect(await readFloat32(tensor)).toEqual(values)
          }
          expect(opened.metadata).toEqual({ format: 'pt' })
          await opened.close()
        },
      ),
      { numRuns: 100 },
    )
  })

  test('foreign dtypes are listed and refused on demand', async () => {
    const opened = await openSafetensors(save(file({ a: { dtype: 'F8_E4M3', shape: [4], data_offsets: [0, 4] } })))
    expect([...opened.unsupported]).toEqual([['F8_E4M3', ['a']]])
    expect(() => requireSupported(opened)).toThrow('cannot read tensors stored as F8_E4M3 (1 tensor)')
    await opened.close()
  })

  const a = { dtype: 'F32', shape: [4], data_offsets: [0, 16] }
  test.each([
    ['shorter than a length', Buffer.alloc(7), 'FILE_TRUNCATED', 'offset 0 + 8 bytes ends beyond the file (7 bytes)'],
    [
      'a header of 2^63 bytes',
      Buffer.from(BigUint64Array.of(2n ** 63n).buffer),
      'FILE_LIMIT',
      'larger than 100000000, the limit of the safetensors library',
    ],
    [
      'a header beyond the file',
      Buffer.concat([Buffer.from(BigUint64Array.of(1000n).buffer), Buffer.from('{}')]),
      'FILE_TRUNCATED',
      'offset 8 + 1000 bytes ends beyond the file (10 bytes)',
    ],
    ['a header that is not JSON', file('{"a": }'), 'FILE_MALFORMED', 'header: not JSON at line 1, column 7'],
    ['a header that is an array', file([]), 'FILE_MALFORMED', 'the top level is not an object'],
    ['an entry that is not an object', file({ a: 1 }), 'FILE_MALFORMED', 'tensor "a": the description is not an object'],
    ['no dtype', file({ a: { ...a, dtype: 3 } }), 'FILE_MALFORMED', 'tensor "a": dtype is not a string'],
    ['a negative size', file({ a: { ...a, shape: [-4] } }), 'FILE_MALFORMED', 'shape is not an array of non-negative integers'],
    ['a fractional size', file({ a: { ...a, shape: [1.5] } }), 'FILE_MALFORMED', 'shape is not an array'],
    [
      '65 dimensions',
      file({ a: { ...a, shape: new Array(65).fill(1) } }),
      'FILE_LIMIT',
      '65 dimensions are more than 64, the limit of NumPy',
    ],
    ['an overflowing shape', file({ a: { ...a, shape: [2 ** 40, 2 ** 40] } }), 'FILE_LIMIT', 'has more elements than 2^53'],
    ['offsets in reverse', file({ a: { ...a, data_offsets: [16, 0] } }), 'FILE_MALFORMED', 'data_offsets is not a pair'],
    [
      'offsets that do not fit the shape',
      file({ a: { ...a, data_offsets: [0, 12] } }),
      'FILE_MALFORMED',
      'tensor "a": F32 [4] takes 16 bytes, data_offsets [0, 12] span 12',
    ],
    ['an offset beyond the file', file({ a: { ...a, data_offsets: [100, 116] } }), 'FILE_TRUNCATED', 'ends beyond the file'],
    ['overlap', file({ a, b: { ...a, data_offsets: [12, 28] } }), 'FILE_MALFORMED', /tensors "a" .* and "b" .* overlap/],
    [
      'a name twice',
      file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
      'FILE_MALFORMED',
      'the header names 1 tensors twice',
    ],
    ['an empty name', file({ '': a }), 'FILE_MALFORMED', 'tensor "": the name is empty'],
    ['metadata that is no strings', file({ __metadata__: { x: 1 } }), 'FILE_MALFORMED', '__metadata__ is not an object of strings'],
    [
      'a dtype named like a method',
      file({ a: { ...a, dtype: 'constructor', data_offsets: [60, 80] } }),
      'FILE_TRUNCATED',
      'ends beyond the file',
    ],
  ] as const)('%s', async (_, bytes, code, message) => {
    const path = save(bytes)
    await expect(openSafetensors(path)).rejects.toMatchObject({ code })
    await expect(openSafetensors(path)).rejects.toThrow(message)
  })
})

describe('several files', () => {
  const first = save(encodeSafetensors({ tensors: [vector('a', 1), vector('extra', 9)] }), 'm-00001-of-00002.safetensors')
  const second = save(encodeSafetensors({ tensors: [vector('b', 2)] }), 'm-00002-of-00002.safetensors')
  const index = (weightMap: unknown): string => save(JSON.stringify({ weight_map: weightMap }), `${counter++}.safetensors.index.json`)

  test('an index opens the tensors it lists', async () => {
    const opened = await openSafetensors(index({ a: 'm-00001-of-00002.safetensors', b: 'm-00002-of-00002.safetensors' }))
    expect([...opened.tensors.keys()]).toEqual(['a', 'b'])
    expect(opened.files.map(identity => identity.path)).toEqual([first, second])
    expect(await readFloat32(opened.tensors.get('b')!)).toEqual(Float32Array.of(2))
    await opened.close()
  })

  test('an index is known by its content', async () => {
    const path = save(' {"weight_map": {"b": "m-00002-of-00002.safetensors"}}', 'index-by-another-name')
    const opened = await openSafetensors(path)
    expect([...opened.tensors.keys()]).toEqual(['b'])
    await opened.close()
  })

  test('a list of files opens all tensors, each in one place only', async () => {
    const opened = await openSafetensors([first, second])
    expect([...opened.tensors.keys()]).toEqual(['a', 'extra', 'b'])
    await opened.close()
    await expect(openSafetensors([first, first])).rejects.toThrow(/tensor "a" is also in .*m-00001-of-00002/)
    await expect(openSafetensors([])).rejects.toMatchObject({ code: 'FILE_MALFORMED' })
  })

  test.each([
    [
      'a shard outside the folder',
      { a: '../m-00001-of-00002.safetensors' },
      'FILE_MALFORMED',
      'is not the name of a file in the same folder',
    ],
    ['an absolute shard', { a: '/etc/passwd' }, 'FILE_MALFORMED', 'is not the name of a file in the same folder'],
    ['a shard that is no string', { a: 5 }, 'FILE_MALFORMED', 'tensor "a": 5 is not the name of a file'],
    [
      'a shard that is missing',
      { a: 'm-00003-of-00003.safetensors' },
      'FILE_NOT_FOUND',
      'm-00003-of-00003.safetensors does not exist; did you mean m-0000',
    ],
    [
      'a tensor that is elsewhere',
      { b: 'm-00001-of-00002.safetensors' },
      'FILE_MALFORMED',
      'tensor "b" is missing, although the index says it is here',
    ],
    ['no map', [], 'FILE_MALFORMED', 'weight_map is not an object'],
    ['nothing', {}, 'FILE_MALFORMED', 'no safetensors file is named'],
  ] as const)('%s', async (_, weightMap, code, message) => {
    const path = index(weightMap)
    await expect(openSafetensors(path)).rejects.toMatchObject({ code })
    await expect(openSafetensors(path)).rejects.toThrow(message)
  })
})

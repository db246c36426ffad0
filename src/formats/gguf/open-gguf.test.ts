import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { readFloat32 } from '../file-tensor.ts'
import { quantize } from '../quantization/dequantize.ts'
import type { GgufInput } from './encode-value.ts'
import { openGguf } from './open-gguf.ts'
import { encodeGguf, writeGguf } from './write-gguf.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-gguf-'))
afterAll(() => rmSync(folder, { recursive: true }))

let counter = 0
function save(bytes: Uint8Array, name = `${counter++}.gguf`): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const f32 = (name: string, ...values: number[]): { name: string; type: 'f32'; shape: number[]; data: Uint8Array } => ({
  name,
  type: 'f32',
  shape: [values.length],
  data: quantize('f32', Float32Array.from(values)),
})

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer)
const u64 = (value: number | bigint): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
const file = (tensorCount: number | bigint, metadataCount: number | bigint, ...rest: Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensorCount), u64(metadataCount), ...rest])
const entry = (name: string, dims: (number | bigint)[], type: number, offset: number | bigint): Buffer =>
  Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)])

describe('round trip', () => {
  test('metadata of every type', async () => {
    const metadata: Record<string, GgufInput> = {
      string: 'héllo',
      empty: '',
      yes: true,
      no: false,
      u32: 7,
      i32: -7,
      f32: 0.5,
      typed: { type: 'u8', value: 200 },
      large: 2 ** 40,
      huge: 2n ** 63n,
      negative: -(2n ** 62n),
      strings: ['a', 'b'],
      bools: [true, false],
      ints: [1, -2, 2 ** 40],
      nested: [['x'], ['y', 'z']],
      bytes: Uint8Array.of(1, 2),
      shorts: Int16Array.of(-1, 2),
      floats: Float32Array.of(1.5, -2),
      doubles: Float64Array.of(1e300),
    }
    const gguf = await openGguf(save(encodeGguf({ metadata, tensors: [] })))
    expect(Object.fromEntries(gguf.metadata)).toEqual({ ...metadata, typed: 200 })
    expect([...gguf.metadata.keys()]).toEqual(Object.keys(metadata))
    await gguf.close()
  })

  test('any strings, however the window falls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { minLength: 1, maxLength: 50 }), async strings => {
        const gguf = await openGguf(save(encodeGguf({ metadata: { strings }, tensors: [] }), 'strings.gguf'))
        expect(gguf.metadata.get('strings')).toEqual(strings)
        await gguf.close()
      }),
      { numRuns: 50 },
    )
    const many = Array.from({ length: 200_000 }, (_, i) => `token ${i}`)
    const gguf = await openGguf(save(encodeGguf({ metadata: { many }, tensors: [] }), 'many.gguf'))
    expect(gguf.metadata.get('many')).toEqual(many)
    await gguf.close()
  })

  test('tensors, shapes outermost first, ranges', async () => {
    const values = Float32Array.from({ length: 6 }, (_, i) => i)
    const gguf = await openGguf(
      save(encodeGguf({ metadata: { 'general.alignment': 64 }, tensors: [f32('a', 1), { ...f32('b', ...values), shape: [2, 3] }] })),
    )
    expect(gguf.alignment).toBe(64)
    const b = gguf.tensors.get('b')!
    expect(b.shape).toEqual([2, 3])
    expect(await readFloat32(b)).toEqual(values)
    expect(await b.read(4, 8)).toEqual(quantize('f32', Float32Array.of(1, 2)))
    await expect(b.read(20, 8)).rejects.toThrow('tensor "b": offset 20 + 8 bytes is outside its 24 bytes')
    await gguf.close()
    await expect(b.read()).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  test('streamed writing equals encoding', async () => {
    const content = { metadata: { a: 1 }, tensors: [f32('x', 1, 2, 3)] }
    const path = join(folder, 'streamed.gguf')
    await writeGguf(path, {
      ...content,
      tensors: content.tensors.map(tensor => ({ ...tensor, data: () => [tensor.data.subarray(0, 5), tensor.data.subarray(5)] })),
    })
    const gguf = await openGguf(path)
    expect(await readFloat32(gguf.tensors.get('x')!)).toEqual(Float32Array.of(1, 2, 3))
    await gguf.close()
    await expect(writeGguf(path, { ...content, tensors: [{ ...f32('x', 1), data: new Uint8Array(3) }] })).rejects.toThrow(
      'data of 3 bytes was given where 4 belong',
    )
  })
})

test('tensors beyond 4 GiB', async () => {
  const offset = 5 * 2 ** 30
  const head = file(2, 0, entry('low', [4], 0, 0), entry('high', [4], 0, offset))
  const dataStart = Math.ceil(head.length / 32) * 32
  const path = save(head, 'large.gguf')
  const handle = await open(path, 'r+')
  // The file is sparse: only its ends take room on disk.
  await handle.write(quantize('f32', Float32Array.of(5, 6, 7, 8)), 0, 16, dataStart + offset)
  await handle.close()
  const gguf = await openGguf(path)
  expect(gguf.files[0]!.size).toBe(dataStart + offset + 16)
  expect(await readFloat32(gguf.tensors.get('high')!)).toEqual(Float32Array.of(5, 6, 7, 8))
  expect(await readFloat32(gguf.tensors.get('low')!)).toEqual(new Float32Array(4))
  await gguf.close()
  rmSync(path)
})

describe('split models', () => {
  const part = (number: number, count: number, total: number): Uint8Array =>
    encodeGguf({
      metadata: {
        ...(number === 0 && { 'general.architecture': 'llama' }),
        'split.no': { type: 'u16', value: number },
        'split.count': { type: 'u16', value: count },
        'split.tensors.count': { type: 'i32', value: total },
      },
      tensors: [f32(`t${number}`, number)],
    })

  test('any part opens all', async () => {
    const paths = [0, 1, 2].map(i => save(part(i, 3, 3), `m-0000${i + 1}-of-00003.gguf`))
    for (const path of paths) {
      const gguf = await openGguf(path)
      expect(gguf.metadata.get('general.architecture')).toBe('llama')
      expect(gguf.files.map(identity => identity.path)).toEqual(paths)
      for (const i of [0, 1, 2]) expect(await readFloat32(gguf.tensors.get(`t${i}`)!)).toEqual(Float32Array.of(i))
      await gguf.close()
    }
  })

  test('missing parts are named', async () => {
    const path = save(part(1, 3, 3), 'gap-00002-of-00003.gguf')
    await expect(openGguf(path)).rejects.toThrow('2 of 3 parts are missing: gap-00001-of-00003.gguf, gap-00003-of-00003.gguf')
    await expect(openGguf(path)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })

  test('parts that do not belong together are refused', async () => {
    await expect(openGguf(save(part(0, 2, 2), 'lonely.gguf'))).rejects.toThrow('the file is one of 2 parts, but its name does not end in')
    save(part(1, 2, 2), 'swap-00001-of-00002.gguf')
    await expect(openGguf(save(part(0, 2, 2), 'swap-00002-of-00002.gguf'))).rejects.toThrow(
      'says part 1 (from 0) of 2, the name says 0 of 2',
    )
    save(part(0, 2, 9), 'count-00001-of-00002.gguf')
    await expect(openGguf(save(part(1, 2, 9), 'count-00002-of-00002.gguf'))).rejects.toThrow(
      'split.tensors.count says 9 tensors, the parts hold 2',
    )
  })
})

describe('refusals', () => {
  const nested = (depth: number): Buffer =>
    Buffer.concat([...Array.from({ length: depth }, () => Buffer.concat([u32(9), u64(1)])), u32(0), u64(0)])
  test.each([
    ['not GGUF', Buffer.from('NOPE1234'), 'FILE_MALFORMED', 'does not begin with "GGUF"'],
    ['version 1', Buffer.concat([Buffer.from('GGUF'), u32(1)]), 'FORMAT_UNSUPPORTED', 'GGUF version 1; Hence reads versions 2 and 3'],
    ['big-endian', Buffer.concat([Buffer.from('GGUF'), Buffer.of(0, 0, 0, 3)]), 'FORMAT_UNSUPPORTED', 'big-endian'],
    ['2^64 tensors', file(2n ** 64n - 1n, 0), 'FILE_LIMIT', 'tensors are more than 1048576'],
    [
      'a million tensors in no bytes',
      file(1_000_000, 0),
      'FILE_TRUNCATED',
      '1000000 tensors need at least 25000000 bytes at offset 24, the file has 0 more',
    ],
    ['2^63 metadata keys', file(0, 2n ** 63n), 'FILE_LIMIT', 'metadata keys are more than 65536'],
    [
      'an endless key',
      file(0, 1, u64(2n ** 62n), Buffer.alloc(64)),
      'FILE_TRUNCATED',
      'a string of 4611686018427388000 bytes at offset 32 ends beyond the file',
    ],
    [
      'a key too long',
      file(0, 1, u64(70_000), Buffer.alloc(70_100, 'a')),
      'FILE_LIMIT',
      'a name of 70000 bytes is longer than 65535, the limit of the GGUF specification',
    ],
    ['an unknown value type', file(0, 1, text('k'), u32(99), Buffer.alloc(8)), 'FILE_MALFORMED', 'metadata "k": unknown value type 99'],
    ['a boolean of 2', file(0, 1, text('k'), u32(7), Buffer.of(2)), 'FILE_MALFORMED', 'a boolean is 2'],
    [
      'a vast array',
      file(0, 1, text('k'), u32(9), u32(8), u64(2n ** 60n)),
      'FILE_LIMIT',
      'elements of metadata "k" are more than 16777216',
    ],
    [
      'an array longer than the file',
      file(0, 1, text('k'), u32(9), u32(4), u64(1000), Buffer.alloc(8)),
      'FILE_TRUNCATED',
      '1000 elements of metadata "k" need at least 4000 bytes',
    ],
    ['arrays nested too deep', file(0, 1, text('k'), u32(9), nested(20)), 'FILE_LIMIT', 'arrays nested deeper than 4'],
    [
      'many empty arrays in one',
      file(0, 1, text('k'), u32(9), u32(9), u64(100_000), Buffer.alloc(1_200_000)),
      'FILE_LIMIT',
      '100000 arrays within metadata "k" are more than 65536',
    ],
    [
      'a key twice',
      file(0, 2, text('k'), u32(0), Buffer.of(1), text('k'), u32(0), Buffer.of(1), Buffer.alloc(32)),
      'FILE_MALFORMED',
      'metadata key "k" appears twice',
    ],
    ['an empty key', file(0, 1, u64(0), u32(0), Buffer.of(1), Buffer.alloc(32)), 'FILE_MALFORMED', 'the name is empty'],
    ['alignment 0', file(0, 1, text('general.alignment'), u32(4), u32(0)), 'FILE_MALFORMED', 'general.alignment is 0, not a power of two'],
    [
      'alignment 2^30',
      file(0, 1, text('general.alignment'), u32(4), u32(2 ** 30)),
      'FILE_LIMIT',
      'general.alignment 1073741824 is more than 1048576',
    ],
    [
      'too many dimensions',
      file(1, 0, text('t'), u32(2 ** 31), Buffer.alloc(64)),
      'FILE_LIMIT',
      'tensor "t": 2147483648 dimensions are more than 4, the limit of ggml',
    ],
    [
      'an overflowing shape',
      file(1, 0, entry('t', [2n ** 40n, 2n ** 40n], 0, 0), Buffer.alloc(64)),
      'FILE_LIMIT',
      'has more elements than 2^53',
    ],
    [
      'an empty dimension',
      file(1, 0, entry('t', [4, 0], 0, 0), Buffer.alloc(64)),
      'FILE_MALFORMED',
      'tensor "t": shape [0, 4] has an empty dimension',
    ],
    [
      'partial blocks',
      file(1, 0, entry('t', [31, 32], 2, 0), Buffer.alloc(999)),
      'FILE_MALFORMED',
      'tensor "t": rows of 31 elements are not whole q4_0 blocks of 32',
    ],
    [
      'an unaligned offset',
      file(1, 0, entry('t', [4], 0, 7), Buffer.alloc(64)),
      'FILE_MALFORMED',
      'tensor "t": offset 7 is not a multiple of the alignment 32',
    ],
    [
      'an offset beyond the file',
      file(1, 0, entry('t', [4], 0, 4096), Buffer.alloc(64)),
      'FILE_TRUNCATED',
      /tensor "t": offset 4160 \+ 16 bytes ends beyond the file \(\d+ bytes\)/,
    ],
    ['an offset of 2^64 − 32', file(1, 0, entry('t', [4], 0, 2n ** 64n - 32n), Buffer.alloc(64)), 'FILE_TRUNCATED', 'ends beyond the file'],
    [
      'overlapping tensors',
      file(2, 0, entry('a', [16], 0, 0), entry('b', [4], 0, 32), Buffer.alloc(128)),
      'FILE_MALFORMED',
      /tensors "a" \(bytes \d+ to \d+\) and "b" \(from \d+\) overlap/,
    ],
    [
      'a tensor twice',
      file(2, 0, entry('a', [4], 0, 0), entry('a', [4], 0, 32), Buffer.alloc(128)),
      'FILE_MALFORMED',
      'tensor "a" appears twice',
    ],
    [
      'a name that is not UTF-8',
      file(1, 0, u64(2), Buffer.of(0xff, 0xfe), u32(0), Buffer.alloc(64)),
      'FILE_MALFORMED',
      'the name is not valid UTF-8',
    ],
    ['65536 parts', file(0, 1, text('split.count'), u32(4), u32(65536)), 'FILE_LIMIT', '65536 parts are more than 4096'],
  ] as const)('%s', async (_, bytes, code, message) => {
    const path = save(bytes)
    await expect(openGguf(path)).rejects.toMatchObject({ code })
    await expect(openGguf(path)).rejects.toThrow(message)
  })

  test('a foreign type opens, is listed by name, and may not lie outside the file', async () => {
    const gguf = await openGguf(save(file(2, 0, entry('a', [256], 16, 0), entry('b', [256], 77, 96), Buffer.alloc(256))))
    expect([...gguf.unsupported]).toEqual([
      ['iq2_xxs', ['a']],
      ['type 77', ['b']],
    ])
    expect(gguf.tensors.size).toBe(0)
    await gguf.close()
    await expect(openGguf(save(file(1, 0, entry('a', [256], 16, 4096), Buffer.alloc(64))))).rejects.toMatchObject({
      code: 'FILE_TRUNCATED',
    })
  })

  test('a missing file suggests its neighbour; a folder and an aborted signal are refused', async () => {
    save(encodeGguf({ metadata: {}, tensors: [] }), 'stories.gguf')
    await expect(openGguf(join(folder, 'storis.gguf'))).rejects.toThrow('did you mean stories.gguf?')
    await expect(openGguf(join(folder, 'no', 'such.gguf'))).rejects.toThrow('does not exist')
    await expect(openGguf(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    await expect(openGguf(join(folder, 'stories.gguf'), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('a file cut while open is noticed at the read', async () => {
    const path = save(encodeGguf({ metadata: {}, tensors: [f32('x', ...new Array(100).fill(1))] }), 'cut.gguf')
    const gguf = await openGguf(path)
    writeFileSync(path, 'short')
    await expect(gguf.tensors.get('x')!.read()).rejects.toMatchObject({ code: 'FILE_TRUNCATED' })
    await gguf.close()
  })
})

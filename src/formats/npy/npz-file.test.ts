import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import { encodeZip } from '../../../test/zip-writer.ts'
import { isHenceError, tensor } from '../../core/index.ts'
import { encodeNpy } from './encode-npy.ts'
import { readNpz } from './npz-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-npz-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(content: Uint8Array): string {
  const path = join(folder, 'x.npz')
  writeFileSync(path, content)
  return path
}

const weights = tensor(
  'f32',
  [30, 40],
  Float32Array.from({ length: 1200 }, (_, i) => i % 7),
)
const labels = tensor('i64', [2], BigInt64Array.of(1n, -1n))
const FILES = [
  { name: 'w.npy', content: encodeNpy(weights) },
  { name: 'b/c.npy', content: encodeNpy(labels), isDeflated: true },
]

describe('archives', () => {
  test('stored and deflated arrays, small and with 64-bit sizes', async () => {
    for (const isLarge of [false, true])
      for (const isDeflated of [false, true]) {
        const path = write(encodeZip(FILES.map(file => ({ ...file, isLarge, isDeflated }))))
        expect(await readNpz(path)).toEqual(
          new Map<string, unknown>([
            ['w', weights],
            ['b/c', labels],
          ]),
        )
      }
  })

  test('no arrays; a comment at the end', async () => {
    const empty = encodeZip([])
    expect((await readNpz(write(empty))).size).toBe(0)
    const remark = Buffer.from(encodeZip(FILES))
    remark.writeUInt16LE(5, remark.length - 2)
    expect((await readNpz(write(Buffer.concat([remark, Buffer.from('hello')])))).size).toBe(2)
  })
})

describe('refusals', () => {
  const zip = Buffer.from(encodeZip(FILES))
  const directory = zip.readUInt32LE(zip.length - 6)
  const patched = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(zip)
    change(bytes)
    return bytes
  }

  test.each([
    ['nothing', new Uint8Array(0), 'FILE_TRUNCATED', 'does not end as a ZIP archive does'],
    ['its end cut off', zip.subarray(0, zip.length - 1), 'FILE_TRUNCATED', 'does not end as a ZIP archive does'],
    ['a directory beyond the file', patched(b => b.writeUInt32LE(zip.length, zip.length - 6)), 'FILE_TRUNCATED', 'beyond the file'],
    [
      'a damaged directory',
      patched(b => b.fill(0, directory, directory + 4)),
      'FILE_MALFORMED',
      'entry 0 of 2 of the directory is damaged',
    ],
    ['more entries than there are', patched(b => b.writeUInt16LE(3, zip.length - 12)), 'FILE_MALFORMED', 'entry 2 of 3'],
    ['a wrong place', patched(b => b.fill(0, 0, 4)), 'FILE_MALFORMED', 'does not begin where the directory says'],
    ['a wrong checksum', patched(b => b.writeUInt8(0xff, 200)), 'FILE_MALFORMED', 'the checksum of "w.npy" is wrong'],
    ['encryption', patched(b => b.writeUInt16LE(1, directory + 8)), 'FORMAT_UNSUPPORTED', '"w.npy" is encrypted'],
    ['another method', patched(b => b.writeUInt16LE(14, directory + 10)), 'FORMAT_UNSUPPORTED', 'compressed by method 14'],
    ['a name twice', encodeZip([FILES[0]!, FILES[0]!]), 'FILE_MALFORMED', 'the array "w" appears twice'],
    [
      'something else inside',
      encodeZip([{ name: 'a.txt', content: Buffer.from('hello') }]),
      'FILE_MALFORMED',
      'does not begin as a .npy file',
    ],
    ['entries over one another', patched(b => b.writeUInt32LE(0, b.indexOf('b/c.npy', directory) - 4)), 'FILE_MALFORMED', 'overlap'],
  ])('%s', async (_, content, code, message) => {
    await expect(readNpz(write(content))).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })

  test('a claim that no compression can fulfil, and one that is false', async () => {
    const bomb = Buffer.from(encodeZip([{ ...FILES[1]!, isDeflated: true }]))
    const size = bomb.readUInt32LE(bomb.length - 6) + 24
    bomb.writeUInt32LE(2 ** 31, size)
    await expect(readNpz(write(bomb))).rejects.toMatchObject({
      code: 'FILE_MALFORMED',
      message: expect.stringContaining('claims 2147483648'),
    })
    bomb.writeUInt32LE(50, size)
    await expect(readNpz(write(bomb))).rejects.toMatchObject({
      code: 'FILE_MALFORMED',
      message: expect.stringContaining('is not 50 bytes'),
    })
  })

  test('bits flipped and bytes cut anywhere: read or refused, nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 4 }), fc.nat(300), fc.boolean(), async (flips, cut, atEnd) => {
        const bytes = Uint8Array.from(zip.subarray(0, zip.length - (cut < 200 ? 0 : cut)))
        const reach = Math.min(bytes.length, 400)
        for (const [at, bit] of flips) bytes[atEnd ? bytes.length - 1 - (at % reach) : at % bytes.length]! ^= 1 << bit
        try {
          await readNpz(write(bytes))
        } catch (error) {
          if (!isHenceError(error)) throw error
        }
      }),
      { numRuns: 500, seed: 1 },
    )
  })
})

describeWithTestdata('real archives', () => {
  test('a sequence model', async () => {
    const tensors = await readNpz(testdata('seq2seq', 'g2p_en', 'checkpoint20.npz'))
    expect([...tensors.keys()]).toHaveLength(12)
    expect(tensors.get('enc_w_ih')).toMatchObject({ dtype: 'f32', shape: [768, 256] })
    expect([...tensors.values()].reduce((sum, { data }) => sum + data.length, 0)).toBeGreaterThan(800_000)
  })
})

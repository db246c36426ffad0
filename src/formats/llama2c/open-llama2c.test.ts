import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readFloat32 } from '../file-tensor.ts'
import { openLlama2c } from './open-llama2c.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-llama2c-'))
afterAll(() => rmSync(folder, { recursive: true }))

let counter = 0
function save(bytes: Uint8Array): string {
  const path = join(folder, `${counter++}.bin`)
  writeFileSync(path, bytes)
  return path
}

/** dim 4, hidden 6, 2 layers, 2 heads, 1 key-value head, vocabulary 3, context 5: floats counted per run. */
const SIZES = [4, 6, 2, 2, 1, 3, 5] as const
const RUNS = { embedding: 12, norms: 8, q: 32, k: 16, v: 16, o: 32, ffn: 48, final: 4, rotations: 2 * 5 }

/** Floats 0, 1, 2, … so that every tensor is known by its first value. */
function counting(count: number): Buffer {
  return Buffer.from(Float32Array.from({ length: count }, (_, i) => i).buffer)
}

function legacy(untied = false, sizes: readonly number[] = SIZES): Buffer {
  const header = Int32Array.from(sizes)
  if (untied) header[5] = -header[5]!
  const { embedding, norms, q, k, v, o, ffn, final, rotations } = RUNS
  const count = embedding + norms + q + k + v + o + norms + 3 * ffn + final + rotations + (untied ? embedding : 0)
  return Buffer.concat([Buffer.from(header.buffer), counting(count)])
}

function versioned(version: number, tied = 1): Buffer {
  const header = Buffer.alloc(256)
  header.writeUInt32LE(0x616b3432)
  header.writeInt32LE(version, 4)
  for (const [i, size] of SIZES.entries()) header.writeInt32LE(size, 8 + 4 * i)
  header[36] = tied
  const { embedding, norms, q, k, v, o, ffn, final } = RUNS
  return Buffer.concat([header, counting(norms * 2 + final + embedding + q + k + v + o + 3 * ffn + (tied ? 0 : embedding))])
}

async function firstValues(path: string): Promise<Record<string, number>> {
  const file = await openLlama2c(path)
  const values: Record<string, number> = {}
  for (const [name, tensor] of file.tensors) values[name] = (await readFloat32(tensor))[0]!
  await file.close()
  return values
}

describe('layouts', () => {
  test('legacy, classifier of its own after the rotation tables', async () => {
    const path = save(legacy(true))
    expect(await firstValues(path)).toMatchObject({
      'token_embd.weight': 0,
      'blk.0.attn_norm.weight': 12,
      'blk.1.attn_norm.weight': 16,
      'blk.0.attn_q.weight': 20,
      'blk.1.attn_q.weight': 36,
      'blk.0.attn_k.weight': 52,
      'blk.0.attn_v.weight': 68,
      'blk.0.attn_output.weight': 84,
      'blk.0.ffn_norm.weight': 116,
      'blk.0.ffn_gate.weight': 124,
      'blk.0.ffn_down.weight': 172,
      'blk.0.ffn_up.weight': 220,
      'output_norm.weight': 268,
      'output.weight': 282,
    })
    const file = await openLlama2c(path)
    expect(file.config).toMatchObject({ version: 0, vocabSize: 3, tiedEmbeddings: false })
    expect(file.tensors.get('blk.0.attn_k.weight')!.shape).toEqual([2, 4])
    expect(file.tensors.get('blk.0.ffn_down.weight')!.shape).toEqual([4, 6])
    await file.close()
  })

  test('version 1, norms first', async () => {
    expect(await firstValues(save(versioned(1)))).toMatchObject({
      'blk.0.attn_norm.weight': 0,
      'blk.0.ffn_norm.weight': 8,
      'output_norm.weight': 16,
      'token_embd.weight': 20,
      'blk.0.attn_q.weight': 32,
      'blk.1.ffn_up.weight': 32 + 32 + 16 + 16 + 32 + 48 + 48 + 24,
    })
    expect(await firstValues(save(versioned(1)))).not.toHaveProperty('output.weight')
    expect(await firstValues(save(versioned(1, 0)))).toHaveProperty('output.weight', 272)
  })
})

describe('refusals', () => {
  const sizes = (...values: number[]): Buffer => Buffer.concat([Buffer.from(Int32Array.from(values).buffer), Buffer.alloc(1000)])
  test.each([
    ['empty', Buffer.alloc(0), 'FILE_TRUNCATED', 'header: 28 bytes end beyond the file (0 bytes)'],
    ['a byte short', legacy().subarray(0, -1), 'FILE_TRUNCATED', /the header implies \d+ bytes, the file has \d+/],
    ['a byte long', Buffer.concat([legacy(), Buffer.alloc(1)]), 'FILE_MALFORMED', /the header implies \d+ bytes, the file has \d+/],
    ['int8 groups', versioned(2), 'FORMAT_UNSUPPORTED', 'llama2.c export version 2 (int8 groups)'],
    ['an unknown version', versioned(9), 'FORMAT_UNSUPPORTED', 'llama2.c export version 9'],
    ['a flag of 2', versioned(1, 2), 'FILE_MALFORMED', 'the shared-classifier flag is 2'],
    ['dim 0', sizes(0, 6, 2, 2, 1, 3, 5), 'FILE_MALFORMED', 'dim 0 is not between 1 and 131072'],
    ['too many layers', sizes(4, 6, 2 ** 30, 2, 1, 3, 5), 'FILE_MALFORMED', 'layerCount 1073741824 is not between 1 and 1024'],
    ['heads that do not divide', sizes(4, 6, 2, 3, 1, 3, 5), 'FILE_MALFORMED', 'dim 4 is not a multiple of headCount 3'],
    ['an odd head', sizes(6, 6, 2, 2, 1, 3, 5), 'FILE_MALFORMED', 'the head size 3 is odd'],
    ['key-value heads that do not divide', sizes(8, 6, 2, 4, 3, 3, 5), 'FILE_MALFORMED', 'headCount 4 is not a multiple of kvHeadCount 3'],
    ['a model larger than the file', sizes(131072, 1048576, 1024, 4096, 4096, 4194304, 16777216), 'FILE_TRUNCATED', 'the header implies'],
  ] as const)('%s', async (_, bytes, code, message) => {
    const path = save(bytes)
    await expect(openLlama2c(path)).rejects.toMatchObject({ code })
    await expect(openLlama2c(path)).rejects.toThrow(message)
  })
})

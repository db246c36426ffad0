import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { addModel } from '../../test/onnx-writer.ts'
import { describeWithTestdata, testdata } from '../../test/testdata.ts'
import { detectFormat } from './detect-format.ts'
import { encodeGguf } from './gguf/write-gguf.ts'
import { encodeSafetensors } from './safetensors/write-safetensors.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-detect-'))
afterAll(() => rmSync(root, { recursive: true }))

let counter = 0
function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(root, String(counter++))
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const gguf = encodeGguf({ metadata: {}, tensors: [] })
const safetensors = encodeSafetensors({ tensors: [] })
const llama2c = Buffer.from(Int32Array.of(64, 172, 5, 8, 4, 512, 512, 0).buffer)
const onnx = addModel([2])
const version2 = Buffer.concat([Buffer.from('24ka'), Buffer.alloc(252)])

describe('files, whatever they are called', () => {
  test.each([
    ['gguf', gguf, 'gguf'],
    ['safetensors', safetensors, 'safetensors'],
    ['llama2c', llama2c, 'llama2c'],
    ['a versioned llama2.c export', version2, 'llama2c'],
    ['a safetensors index', '{"weight_map": {}}', 'safetensors'],
    ['onnx', onnx, 'onnx'],
    ['onnx cut short', onnx.subarray(0, 30), 'onnx'],
    [
      'onnx with a long description',
      Buffer.concat([onnx.subarray(0, 2), Buffer.from([0x32, 0xe8, 0x07]), Buffer.alloc(1000), onnx.subarray(2)]),
      'onnx',
    ],
  ] as const)('%s', async (_, content, kind) => {
    const path = join(folderWith({ 'model.xyz': content }), 'model.xyz')
    expect(await detectFormat(path)).toEqual({ kind, path })
  })

  test("a model's config.json stands for its folder", async () => {
    const folder = folderWith({ 'config.json': '{"model_type": "llama"}' })
    expect(await detectFormat(join(folder, 'config.json'))).toEqual({ kind: 'huggingface', path: folder })
  })

  test.each([
    ['an empty file', '', 'is not a model Hence knows; it is empty'],
    ['the version of a format and nothing else', Buffer.from([8, 7]), 'it has 2 bytes and begins with 08 07'],
    ['the version of a format and noise', Buffer.from([8, 7, 9, 255, 4, 1, 1, 1, 1, 1]), 'is not a model Hence knows'],
    ['noise', Buffer.from([1, 2, 3, 255, 254, 253, 7, 7, 7, 7]), 'it has 10 bytes and begins with 01 02 03 ff fe fd 07 07'],
    ['a pointer', 'version https://git-lfs.github.com/spec/v1\n', 'a Git LFS pointer, not the file itself'],
    ['an archive', 'PK\x03\x04rest', 'a ZIP archive, perhaps PyTorch weights'],
    ['a page', '<!DOCTYPE html>', 'a web page'],
    ['other JSON', '{"a": 1, "b": 2}', "neither a model's config.json nor a safetensors index; its keys are a, b"],
  ] as const)('%s is refused', async (_, content, message) => {
    const path = join(folderWith({ file: content }), 'file')
    await expect(detectFormat(path)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' })
    await expect(detectFormat(path)).rejects.toThrow(message)
  })
})

describe('folders', () => {
  test.each([
    ['Hugging Face', { 'config.json': '{}', 'x.gguf': gguf }, 'huggingface', ''],
    ['one GGUF', { 'x.gguf': gguf, 'README.md': '' }, 'gguf', 'x.gguf'],
    ['a split GGUF', { 'x-00002-of-00002.gguf': gguf, 'x-00001-of-00002.gguf': gguf }, 'gguf', 'x-00001-of-00002.gguf'],
    [
      'an index',
      { 'model.safetensors.index.json': '{}', 'a.safetensors': '', 'b.safetensors': '' },
      'safetensors',
      'model.safetensors.index.json',
    ],
    ['one safetensors file', { 'a.safetensors': safetensors }, 'safetensors', 'a.safetensors'],
    [
      'one graph and its weights',
      { 'model.onnx': onnx, 'model.onnx.data': '', 'reference.safetensors': safetensors },
      'onnx',
      'model.onnx',
    ],
    ['one graph and its configuration', { 'config.json': '{"model_type": "bert"}', 'model.onnx': onnx }, 'onnx', 'model.onnx'],
    ['llama2.c with its tokenizer', { 'stories.bin': llama2c, 'tok512.bin': 'tokens and tokens' }, 'llama2c', 'stories.bin'],
  ] as const)('%s', async (_, files, kind, name) => {
    const folder = folderWith(files)
    expect(await detectFormat(folder)).toEqual({ kind, path: join(folder, name) })
  })

  test.each([
    ['empty', {}, 'it holds nothing'],
    ['unrelated', { 'a.txt': '', 'b.txt': '' }, 'no config.json, no single weight file; it holds a.txt, b.txt'],
    ['several graphs', { 'a.onnx': onnx, 'b.onnx': onnx }, 'it holds 2 ONNX graphs, name one of them'],
    ['several models', { 'a.gguf': gguf, 'b.gguf': gguf }, 'it holds 2 GGUF models, name one of them'],
  ] as const)('%s: refused with what was seen', async (_, files, message) => {
    await expect(detectFormat(folderWith(files))).rejects.toThrow(message)
  })

  test('a path that does not exist suggests its neighbour', async () => {
    const folder = folderWith({ 'stories260K.bin': llama2c })
    await expect(detectFormat(join(folder, 'stories26K.bin'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      details: { suggestion: 'stories260K.bin' },
    })
  })
})

describeWithTestdata('real graphs', () => {
  test.each([
    ['cnn', 'squeezenet', 'SqueezeNet_fp16.onnx'],
    ['cnn', 'mnist', 'mnist-cntk.onnx'],
    ['cnn', 'mnist', 'opt-mnist.onnx'],
    ['audio', 'silero-vad', 'silero_vad_op18_ifless.onnx'],
    ['encoders', 'magika', 'standard_v3_3', 'model.onnx'],
    ['refs', 'onnx', 'bert', 'model-dynamo.onnx'],
  ])('%s/%s/%s', async (...path) => {
    expect((await detectFormat(testdata(...path))).kind).toBe('onnx')
  })
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import { encodeSafetensors } from '../safetensors/write-safetensors.ts'
import { openHuggingFaceFolder } from './open-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-folder-'))
afterAll(() => rmSync(root, { recursive: true }))

let counter = 0
function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(root, String(counter++))
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const weights = (name: string): Uint8Array => encodeSafetensors({ tensors: [{ name, type: 'u8', shape: [1], data: Uint8Array.of(1) }] })

describe('openHuggingFaceFolder', () => {
  test('reads what is there', async () => {
    const folder = folderWith({
      'config.json': '{"model_type": "llama", "torch_dtype": "float16"}',
      'generation_config.json': '{"temperature": 0.5}',
      'tokenizer.json': '{"version": "1.0"}',
      'tokenizer_config.json': '{"bos_token": "<s>"}',
      'special_tokens_map.json': '{"eos_token": "</s>"}',
      'chat_template.jinja': '{{ messages }}',
      'model.safetensors': weights('w'),
    })
    const { checkpoint, ...rest } = await openHuggingFaceFolder(folder)
    expect(rest).toEqual({
      path: folder,
      config: { model_type: 'llama', dtype: 'float16' },
      generationConfig: { temperature: 0.5 },
      tokenizerJson: { version: '1.0' },
      tokenizerConfig: { bos_token: '<s>' },
      specialTokensMap: { eos_token: '</s>' },
      chatTemplate: '{{ messages }}',
    })
    expect([...checkpoint.tensors.keys()]).toEqual(['w'])
    await checkpoint.close()
  })

  test('absent files are absent fields; a template may stand in chat_template.json', async () => {
    const bare = await openHuggingFaceFolder(folderWith({ 'config.json': '{}', 'weights.safetensors': weights('w') }))
    expect(Object.keys(bare).sort()).toEqual(['checkpoint', 'config', 'path'])
    const templated = await openHuggingFaceFolder(
      folderWith({ 'config.json': '{}', 'model.safetensors': weights('w'), 'chat_template.json': '{"chat_template": "hi"}' }),
    )
    expect(templated.chatTemplate).toBe('hi')
    await Promise.all([bare.checkpoint.close(), templated.checkpoint.close()])
  })

  test('shards without an index open when they are complete', async () => {
    const files = {
      'config.json': '{}',
      'model-00001-of-00002.safetensors': weights('a'),
      'model-00002-of-00002.safetensors': weights('b'),
    }
    const { checkpoint } = await openHuggingFaceFolder(folderWith(files))
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b'])
    await checkpoint.close()
    await expect(
      openHuggingFaceFolder(folderWith({ 'config.json': '{}', 'model-00002-of-00003.safetensors': weights('b') })),
    ).rejects.toThrow('2 of 3 weight files are missing: model-00001-of-00003.safetensors, model-00003-of-00003.safetensors')
  })

  test.each([
    ['no config', { 'confg.json': '{}' }, 'FILE_NOT_FOUND', 'did you mean confg.json?'],
    [
      'a config that is not JSON',
      { 'config.json': '{"a": 1,\n "b" 2}' },
      'FILE_MALFORMED',
      'config.json: not JSON at line 2, column 6: unexpected "2}"',
    ],
    ['a config that is a list', { 'config.json': '[1]' }, 'FILE_MALFORMED', 'config.json: the top level is not an object'],
    [
      'a tokenizer nested too deep',
      { 'config.json': '{}', 'tokenizer.json': '['.repeat(9999) },
      'FILE_LIMIT',
      'tokenizer.json: nested deeper than 64',
    ],
    ['no weights', { 'config.json': '{}' }, 'FILE_NOT_FOUND', 'there is no .safetensors file beside config.json'],
    [
      'pickled weights',
      { 'config.json': '{}', 'pytorch_model.bin': '' },
      'FORMAT_UNSUPPORTED',
      'the weights are in pytorch_model.bin; Hence reads safetensors',
    ],
    [
      'several weights',
      { 'config.json': '{}', 'a.safetensors': '', 'b.safetensors': '' },
      'FORMAT_UNSUPPORTED',
      'several weight files and no index: a.safetensors, b.safetensors',
    ],
  ] as const)('%s', async (_, files, code, message) => {
    const folder = folderWith(files)
    await expect(openHuggingFaceFolder(folder)).rejects.toMatchObject({ code })
    await expect(openHuggingFaceFolder(folder)).rejects.toThrow(message)
  })

  test('a folder that does not exist', async () => {
    await expect(openHuggingFaceFolder(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })
})

describeWithTestdata('both spellings of config.json', () => {
  test.each([
    ['llama', 'float32', 10000, null],
    ['olmo2', 'float16', 500000, null],
    ['llama-rope3', 'float32', 10000, { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 32 }],
    ['phi3-longrope', 'float32', 10000, { rope_type: 'longrope' }],
  ])('%s', async (name, dtype, theta, scaling) => {
    const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', name))
    expect(config['dtype']).toBe(dtype)
    expect(config['rope_theta']).toBe(theta)
    if (scaling === null) expect(config['rope_scaling']).toBeNull()
    else expect(config['rope_scaling']).toMatchObject(scaling)
    await checkpoint.close()
  })
})

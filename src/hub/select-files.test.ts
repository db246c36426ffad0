import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { selectFiles, type Wish } from './select-files.ts'

const select = (paths: readonly string[], wish: Wish = {}) => selectFiles('org/name', paths, wish)
const parts = (stem: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}`)
const refused = (code: string, message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('GGUF', () => {
  const repository = [
    'README.md',
    'config.json',
    'm-F16.gguf',
    'm-Q2_K.gguf',
    'm-Q4_K_M.gguf',
    'm-Q8_0.gguf',
    'mmproj-m-F16.gguf',
    'imatrix.gguf',
  ]

  test('a middle quantisation is taken when nothing is said', () => {
    expect(select(repository)).toEqual({ format: 'gguf', paths: ['m-Q4_K_M.gguf'], entry: 'm-Q4_K_M.gguf', variant: 'Q4_K_M' })
    expect(select(['m-UD-Q4_K_XL.gguf', 'm-Q8_0.gguf', 'm-Q2_K.gguf']).variant).toBe('UD-Q4_K_XL')
    expect(select(['m-Q8_0.gguf', 'm-BF16.gguf']).variant).toBe('Q8_0')
    expect(select(['m-Q2_K.gguf', 'm-F16.gguf']).variant).toBe('Q2_K')
  })

  test.each([
    ['m-q5_k_m.gguf', 'Q5_K_M'],
    ['m.Q5_K_M.gguf', 'Q5_K_M'],
    ['Q5_K_M/model.gguf', 'Q5_K_M'],
    ['m-F16-Q5_K_M.gguf', 'Q5_K_M'],
    ['m-UD-IQ2_XXS.gguf', 'UD-IQ2_XXS'],
    ['gpt-oss-20b-mxfp4.gguf', 'MXFP4'],
    ['Qwen3-0.6B-bf16.gguf', 'BF16'],
  ])('%s is %s', (path, label) => {
    expect(select([path, 'other-Q2_K.gguf'], { variant: label.toLowerCase() })).toMatchObject({ entry: path, variant: label })
  })

  test('the plain quantisation is meant, not one that ends alike', () => {
    expect(select(['m-UD-Q4_K_M.gguf', 'm-Q4_K_M.gguf'], { variant: 'Q4_K_M' }).entry).toBe('m-Q4_K_M.gguf')
  })

  test('the only model is taken whatever its name', () => {
    expect(select(['weights.gguf'])).toEqual({ format: 'gguf', paths: ['weights.gguf'], entry: 'weights.gguf' })
  })

  test('a split model is all its parts, opened by the first', () => {
    const split = parts('Q6_K/big-Q6_K', 3).map(name => `${name}.gguf`)
    expect(select([...split].reverse(), { variant: 'Q6_K' })).toEqual({ format: 'gguf', paths: split, entry: split[0] })
    expect(select([...split, 'big-Q8_0.gguf'], { file: split[1]! }).paths).toEqual(split)
  })

  test('a split model that lacks a part is none', () => {
    const split = parts('big-Q4_K_M', 3).map(name => `${name}.gguf`)
    expect(() => select(split.slice(1))).toThrow(refused('HUB_NOT_FOUND', /no model that Hence reads/))
    expect(select([...split.slice(1), 'big-Q8_0.gguf']).entry).toBe('big-Q8_0.gguf')
  })

  test('what is not there is answered with what is', () => {
    expect(() => select(repository, { variant: 'Q4_K_S' })).toThrow(
      expect.objectContaining({
        code: 'HUB_NOT_FOUND',
        message: expect.stringMatching(/did you mean Q4_K_M/),
        hint: expect.stringMatching(/F16, Q2_K, Q4_K_M, Q8_0/),
      }),
    )
  })

  test('two models of one quantisation are not guessed between', () => {
    expect(() => select(['a-Q4_K_M.gguf', 'b-Q4_K_M.gguf'])).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', hint: 'Name one: hf://org/name/a-Q4_K_M.gguf' }),
    )
    expect(select(['a-Q4_K_M.gguf', 'b-Q4_K_M.gguf'], { variant: 'b-Q4_K_M' }).entry).toBe('b-Q4_K_M.gguf')
    expect(() => select(['a.gguf', 'b.gguf'])).toThrow(refused('OPTION_INVALID', /2 models/))
  })
})

describe('safetensors', () => {
  const settings = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'merges.txt', 'chat_template.jinja']

  test('weights with what tells about them, and nothing else', () => {
    const others = [
      'README.md',
      'pytorch_model.bin',
      'onnx/model.onnx',
      'original/params.json',
      'tf_model.h5',
      'LICENSE.txt',
      'model.fp16.safetensors',
    ]
    const { format, entry, paths } = select([...others, ...settings, 'model.safetensors'])
    expect({ format, entry }).toEqual({ format: 'safetensors', entry: '' })
    expect([...paths].sort()).toEqual([...settings, 'model.safetensors'].sort())
  })

  test('all shards and their index', () => {
    const shards = parts('model', 2).map(name => `${name}.safetensors`)
    const index = 'model.safetensors.index.json'
    expect(select([...settings, ...shards, index]).paths).toEqual([...settings, ...shards, index])
    expect(() => select([...settings, shards[0]!, index])).toThrow(refused('HUB_NOT_FOUND', /no model/))
  })

  test('the layers that follow a transformer come along', () => {
    const modules = ['modules.json', '1_Pooling/config.json', '2_Dense/config.json', '2_Dense/model.safetensors']
    expect(select(['config.json', 'model.safetensors', ...modules]).paths).toEqual(expect.arrayContaining(modules))
  })

  test('pickled weights are told apart', () => {
    expect(() => select(['config.json', 'pytorch_model.bin'])).toThrow(refused('HUB_NOT_FOUND', /only pytorch_model.bin/))
  })
})

describe('ONNX', () => {
  const repository = [
    'config.json',
    'preprocessor_config.json',
    'onnx/model.onnx',
    'onnx/model.onnx_data',
    'onnx/model_q4f16.onnx',
    'onnx/model_quantized.onnx',
  ]

  test('the plain graph with its data and configuration', () => {
    expect(select(repository)).toEqual({
      format: 'onnx',
      paths: ['config.json', 'preprocessor_config.json', 'onnx/model.onnx_data', 'onnx/model.onnx'],
      entry: 'onnx/model.onnx',
    })
  })

  test('a variant', () => {
    expect(select(repository, { variant: 'q4f16' })).toMatchObject({ entry: 'onnx/model_q4f16.onnx', variant: 'q4f16' })
    expect(select(repository, { variant: 'quantized' }).entry).toBe('onnx/model_quantized.onnx')
  })

  test('the kind that is wanted decides between formats', () => {
    const both = ['config.json', 'model.safetensors', 'onnx/model.onnx']
    expect(select(both).format).toBe('safetensors')
    expect(select(both, { kind: 'tensor' }).format).toBe('onnx')
    expect(select(['m-Q8_0.gguf', ...both], { kind: 'language' }).format).toBe('gguf')
    expect(() => select(['onnx/model.onnx'], { kind: 'language' })).toThrow(refused('HUB_NOT_FOUND', /no language model/))
  })

  test('graphs of another name: one is taken, of several none', () => {
    expect(select(['net.onnx', 'net.onnx.data', 'README.md'])).toMatchObject({ paths: ['net.onnx.data', 'net.onnx'], entry: 'net.onnx' })
    expect(() => select(['encoder.onnx', 'decoder.onnx'])).toThrow(refused('OPTION_INVALID', /encoder.onnx, decoder.onnx/))
    expect(select(['encoder.onnx', 'decoder.onnx'], { file: 'encoder.onnx' }).entry).toBe('encoder.onnx')
  })
})

describe('files', () => {
  const paths = ['a.json', 'onnx/model_q4.onnx', 'onnx/model_q8.onnx', 'deep/er/x.json', '[1].txt']

  test.each([
    ['*.json', ['a.json', 'deep/er/x.json']],
    ['onnx/*', ['onnx/model_q4.onnx', 'onnx/model_q8.onnx']],
    ['onnx/model_q?.onnx', ['onnx/model_q4.onnx', 'onnx/model_q8.onnx']],
    ['**/x.json', ['deep/er/x.json']],
    ['deep/*', []],
    ['[1].txt', ['[1].txt']],
    ['a?json', ['a.json']],
  ])('%s', (glob, matched) => {
    if (matched.length > 0) expect(select(paths, { globs: [glob] }).paths).toEqual(matched)
    else expect(() => select(paths, { globs: [glob] })).toThrow(refused('HUB_NOT_FOUND', /no file like/))
  })

  test('a file that is not there', () => {
    expect(() => select(paths, { file: 'onnx/model_q5.onnx' })).toThrow(refused('HUB_NOT_FOUND', /did you mean onnx\/model_q4.onnx/))
  })
})

test('whatever a repository lists, only what it lists is chosen', () => {
  const name = fc.constantFrom(
    'config.json',
    'model',
    'm-Q4_K_M',
    'm-00001-of-00002',
    'm-00002-of-00002',
    'x',
    '..',
    'onnx',
    'tokenizer.json',
  )
  const path = fc.tuple(
    fc.array(name, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '.gguf', '.onnx', '.safetensors', '.onnx_data', '.bin'),
  )
  fc.assert(
    fc.property(
      fc.uniqueArray(
        path.map(([names, end]) => names.join('/') + end),
        { maxLength: 12 },
      ),
      fc.option(name, { nil: undefined }),
      (paths, variant) => {
        try {
          const selection = select(paths, { variant })
          expect(new Set(selection.paths).size).toBe(selection.paths.length)
          expect(selection.paths.every(each => paths.includes(each))).toBe(true)
          expect(selection.entry === '' || selection.paths.includes(selection.entry)).toBe(true)
        } catch (error) {
          expect(['HUB_NOT_FOUND', 'OPTION_INVALID']).toContain((error as { code?: string }).code)
        }
      },
    ),
    { numRuns: 1_000 },
  )
})

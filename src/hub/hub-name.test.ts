import fc from 'fast-check'
import { expect, test } from 'vitest'
import { atRevision, parseHubName, printHubName } from './hub-name.ts'
import { isSafePath } from './safe-path.ts'

test.each([
  ['org/name', { repository: 'org/name', revision: 'main' }],
  ['Qwen/Qwen3-0.6B-GGUF:Q4_K_M', { repository: 'Qwen/Qwen3-0.6B-GGUF', revision: 'main', variant: 'Q4_K_M' }],
  ['org/name@v1.0', { repository: 'org/name', revision: 'v1.0' }],
  ['org/name:Q8_0@refs/pr/3', { repository: 'org/name', revision: 'refs/pr/3', variant: 'Q8_0' }],
  ['org/name@v1:Q8_0', { repository: 'org/name', revision: 'v1', variant: 'Q8_0' }],
  ['hf://org/name', { repository: 'org/name', revision: 'main' }],
  ['hf://models/org/name/a/b c.onnx', { repository: 'org/name', revision: 'main', file: 'a/b c.onnx' }],
  ['hf://org/name@refs/pr/3/model.gguf', { repository: 'org/name', revision: 'refs/pr/3', file: 'model.gguf' }],
  ['hf://org/name@feature%2Fx/model.gguf', { repository: 'org/name', revision: 'feature/x', file: 'model.gguf' }],
  ['hf://org/name:Q4_0', { repository: 'org/name', revision: 'main', variant: 'Q4_0' }],
  ['https://huggingface.co/org/name', { repository: 'org/name', revision: 'main' }],
  ['https://huggingface.co/org/name/tree/v2?show=1', { repository: 'org/name', revision: 'v2' }],
  ['https://huggingface.co/org/name/blob/main/m%20x.gguf', { repository: 'org/name', revision: 'main', file: 'm x.gguf' }],
  ['hf.co/org/name/', { repository: 'org/name', revision: 'main' }],
])('%s', (text, name) => {
  expect(parseHubName(text)).toEqual(name)
})

test.each([
  'model.gguf',
  './org/name',
  '../org/name',
  '/org/name',
  'org/name/file',
  'models/tiny.gguf',
  'models/net.onnx',
  'C:/models',
  'org\\name',
  'org//name',
  'org/na--me',
  'org/name..x',
  'org/.name',
  'org/name.git',
  'org/name ',
  'org/na me',
  `org/${'x'.repeat(100)}`,
  '',
  'https://example.com/org/name',
])('%s is a path, or nothing', text => {
  expect(parseHubName(text)).toBeUndefined()
})

test.each([
  'hf://',
  'hf://name',
  'hf://datasets/org/name',
  'hf://org/..',
  'hf://org/name:Q4/file.gguf',
  'hf://org/na--me',
  'hf://org/name@%zz/x',
  'org/name@..',
  'org/name@a/../b',
  'org/name@main.lock',
  'org/name:.hidden',
  'org/name:a:b',
  'https://huggingface.co/org/name/tree/..%2F..%2Fetc',
])('%s is refused', text => {
  expect(() => parseHubName(text)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})

const word = fc.stringMatching(/^[A-Za-z0-9_]([\w.-]{0,20}[A-Za-z0-9_])?$/).filter(text => !/--|\.\.|\.git$|\.lock$/.test(text))
const segment = fc.stringMatching(/^[\w .,()+%#?&=-]{1,12}$/).filter(text => text !== '.' && text !== '..')

test('what is printed is read as the same name', () => {
  fc.assert(
    fc.property(word, word, word, fc.option(word, { nil: undefined }), (org, name, revision, variant) => {
      fc.pre(!/\.(gguf|onnx|safetensors|bin|pt|pth|json|npz|zip|txt)$/i.test(name))
      const parsed = { repository: `${org}/${name}`, revision, ...(variant === undefined ? {} : { variant }) }
      expect(parseHubName(printHubName(parsed))).toEqual(parsed)
    }),
  )
})

test('files too, at revisions with slashes', () => {
  fc.assert(
    fc.property(
      word,
      word,
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.array(segment, { minLength: 1, maxLength: 4 }),
      (org, name, revision, file) => {
        const parsed = { repository: `${org}/${name}`, revision: revision.join('/'), file: file.join('/') }
        expect(parseHubName(printHubName(parsed))).toEqual(parsed)
      },
    ),
  )
})

test('any text is a name, a path or an error, and a revision never leads out of its folder', () => {
  const awkward = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^(hf:\/\/)?[\w.@:/%-]{0,40}$/))
  fc.assert(
    fc.property(awkward, text => {
      let name: ReturnType<typeof parseHubName>
      try {
        name = parseHubName(text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'OPTION_INVALID' })
        return
      }
      if (!name) return
      expect(isSafePath(name.revision)).toBe(true)
      expect(isSafePath(name.repository)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('--revision takes the place of a revision in the name', () => {
  expect(atRevision({ repository: 'org/name', revision: 'v1' }, 'v2').revision).toBe('v2')
  expect(() => atRevision({ repository: 'org/name', revision: 'v1' }, '../v2')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})

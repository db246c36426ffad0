/** Tasks over encoders against the pipelines of transformers and the models of sentence-transformers. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  headReferences,
  sentenceReferences,
  taskReference,
  writeHeadFolder,
  writeSentenceFolder,
} from '../../../test/references/encoders/index.ts'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import type { TensorModel } from '../../core/index.ts'
import { classifyImage } from '../classify-image.ts'
import { load } from '../load.ts'
import { classifyImageZeroShot } from './classify-image-zero-shot.ts'
import { classifyText } from './classify-text.ts'
import { classifyTokens } from './classify-tokens.ts'
import { embedImage } from './embed-image.ts'
import { embedText } from './embed-text.ts'
import { fillMask, maskTokenOf } from './fill-mask.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-tasks-'))
afterAll(() => rmSync(root, { recursive: true }))

const open = (name: string): Promise<TensorModel> => load(testdata('refs', name), { kind: 'tensor' })

interface Fill {
  readonly score: number
  readonly token: number
  readonly token_str: string
  readonly sequence: string
}

interface Tagged {
  readonly entity?: string
  readonly entity_group?: string
  readonly score: number
  readonly index?: number
  readonly start: number
  readonly end: number
}

describeWithTestdata('fillMask', () => {
  test.each(['bert', 'xlm-roberta', 'modernbert'])('%s', async name => {
    const { text, answer } = taskReference<{ text: string; answer: Fill[] | Fill[][] }>(`fill-mask ${name}`)
    await using model = await open(name)
    const found = await fillMask(model, text, { top: 3 })
    const expected = answer.flat()
    expect(found.map(({ token }) => token)).toEqual(expected.map(({ token }) => token))
    expect(found.map(({ tokenText }) => tokenText)).toEqual(expected.map(one => one.token_str))
    // With several masks transformers leaves the special tokens around the text.
    expect(found.map(({ sequence }) => sequence)).toEqual(
      expected.map(({ sequence }) => sequence.replace('[CLS]', '').replace('[SEP]', '')),
    )
    for (const [i, { score }] of found.entries()) expect(score).toBeCloseTo(expected[i]!.score, 4)
    expect(found.map(({ mask }) => mask)).toEqual(expected.map((_, i) => Math.floor(i / 3)))
    expect(await fillMask(model, [text, text], { top: 3 })).toEqual([found, found])
  })

  test('what cannot be filled', async () => {
    await using model = await open('bert')
    expect(await maskTokenOf(model)).toBe('[MASK]')
    await expect(fillMask(model, ['a [MASK]', 'none'])).rejects.toThrow('text 1 has no mask token [MASK]')
    await using classifier = await open('roberta')
    await expect(fillMask(classifier, 'a <mask>')).rejects.toThrow('no head that fills masks')
    const folder = join(root, 'maskless')
    cpSync(testdata('refs', 'bert'), folder, { recursive: true })
    for (const name of ['tokenizer_config.json', 'special_tokens_map.json']) {
      const content = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>
      delete content['mask_token']
      writeFileSync(join(folder, name), JSON.stringify(content))
    }
    await using maskless = await load(folder, { kind: 'tensor' })
    await expect(fillMask(maskless, 'a [MASK]')).rejects.toThrow('has no mask token')
  })
})

describeWithTestdata('classifyText', () => {
  test('one text, a pair, another function', async () => {
    type Reference = { texts: [string, { text: string; text_pair: string }]; answer: object[][]; sigmoid: object[] }
    const { texts, answer, sigmoid } = taskReference<Reference>('classify-text roberta')
    await using model = await open('roberta')
    const [first, { text, text_pair: textPair }] = texts
    expect(near(await classifyText(model, [first, { text, textPair }]))).toEqual(near(answer))
    expect(near(await classifyText(model, first, { scores: 'sigmoid' }))).toEqual(near(sigmoid))
    expect(near(await classifyText(model, first, { top: 1 }))).toEqual(near(answer[0]!.slice(0, 1)))
    await using other = await open('bert')
    await expect(classifyText(other, 'a')).rejects.toThrow('no head that classifies texts')
  })

  test('a reranker gives one score from 0 to 1', async () => {
    const folder = join(root, 'reranker')
    writeHeadFolder(folder, headReferences()['xlm-roberta sequence']!)
    cpSync(testdata('refs', 'xlm-roberta', 'tokenizer.json'), join(folder, 'tokenizer.json'))
    await using model = await load(folder, { kind: 'tensor' })
    const [only, ...rest] = await classifyText(model, { text: 'water', textPair: 'steam' })
    expect(rest).toEqual([])
    const [raw] = await classifyText(model, { text: 'water', textPair: 'steam' }, { scores: 'none' })
    expect(only!.score).toBeCloseTo(1 / (1 + Math.exp(-raw!.score)), 6)
  })
})

describeWithTestdata('classifyTokens', () => {
  const { text, answer } = taskReference<{ text: string; answer: Record<string, Tagged[]> }>('classify-tokens bert')
  const classifier = async (): Promise<TensorModel> => {
    const folder = join(root, 'tokens')
    writeHeadFolder(folder, headReferences()['bert token']!)
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) cpSync(testdata('refs', 'bert', name), join(folder, name))
    return load(folder, { kind: 'tensor' })
  }

  test('token by token', async () => {
    await using model = await classifier()
    const found = await classifyTokens(model, text)
    const expected = answer['none']!
    expect(found.map(({ entity, index, start, end }) => ({ entity, index, start, end }))).toEqual(
      expected.map(({ entity, index, start, end }) => ({ entity, index, start, end })),
    )
    for (const [i, { score }] of found.entries()) expect(score).toBeCloseTo(expected[i]!.score, 4)
    const names = new Set(found.map(({ entity }) => entity))
    expect(names.size).toBeGreaterThan(1)
    const [kept] = await classifyTokens(model, [text], { ignore: [found[0]!.entity] })
    expect(kept).toEqual(found.filter(({ entity }) => entity !== found[0]!.entity))
  })

  test.each(['simple', 'first', 'average', 'max'] as const)('joined: %s', async aggregation => {
    await using model = await classifier()
    const found = await classifyTokens(model, text, { aggregation })
    const expected = answer[aggregation]!
    expect(found.map(({ entityGroup, start, end }) => [entityGroup, start, end])).toEqual(
      expected.map(one => [one.entity_group, one.start, one.end]),
    )
    for (const [i, { score, word, start, end }] of found.entries()) {
      expect(score).toBeCloseTo(expected[i]!.score, 4)
      expect(word).toBe(text.slice(start, end))
    }
  })
})

describeWithTestdata('pictures', () => {
  const image = testdata('refs', 'clip', 'image.png')

  test('classes that were never trained', async () => {
    const { labels, answer, embeds } = taskReference<{ labels: string[]; answer: object[]; embeds: number[] }>('zero-shot clip')
    await using model = await open('clip')
    expect(near(await classifyImageZeroShot(model, image, labels), 3)).toEqual(near(answer, 3))
    const { shape, data } = await embedImage(model, [image, image])
    expect(shape).toEqual([2, 48])
    for (const [i, value] of embeds.entries()) expect(data[48 + i]).toBeCloseTo(value, 4)
    await expect(classifyImageZeroShot(model, image, [])).rejects.toThrow('at least one text')
    await expect(classifyImageZeroShot(model, image, ['a'], { template: 'x' })).rejects.toThrow('a text with {} in it')
  })

  test('classes of a vit folder, as its files prepare pictures', async () => {
    const { answer } = taskReference<{ answer: object[] }>('classify-image vit')
    await using model = await open('vit')
    const { classes, assumed } = await classifyImage(model, testdata('refs', 'vit', 'image.png'), { top: 3 })
    expect(near(classes.map(({ label, score }) => ({ label, score })))).toEqual(near(answer))
    expect(assumed).toEqual([])
    expect((await embedImage(model, testdata('refs', 'vit', 'image.png'))).shape).toEqual([1, 64])
    await expect(classifyImageZeroShot(model, image, ['a'])).rejects.toThrow('does not read both')
  })

  test('one pixel, and millions', async () => {
    await using model = await open('clip')
    const pixel = (width: number, height: number) => ({
      width,
      height,
      channels: 1 as const,
      data: new Uint8Array(width * height).fill(90),
    })
    const { data } = await embedImage(model, [pixel(1, 1), pixel(3000, 2000), pixel(1, 3000)])
    expect(data.every(Number.isFinite)).toBe(true)
    // A picture of one colour looks the same at every size.
    for (let d = 0; d < 48; d++) expect(data[48 + d]).toBeCloseTo(data[d]!, 5)
    await expect(embedImage(model, { width: 2, height: 2, channels: 3, data: new Uint8Array(5) })).rejects.toThrow('cannot have 5 bytes')
  })
})

describeWithTestdata('sentence-transformers', () => {
  test.each(sentenceReferences())('%s', async (name, reference) => {
    const folder = join(root, name)
    writeSentenceFolder(folder, reference)
    await using model = await load(folder, { kind: 'tensor' })
    const { promptName } = reference
    const { data } = await embedText(model, reference.texts, promptName === null ? {} : { promptName })
    expect(data.length).toBe(reference.answer.length)
    for (const [i, value] of reference.answer.entries()) expect(Math.abs(data[i]! - value), `number ${i}`).toBeLessThan(2e-4)
  })

  test.each([
    ['a module that is not known', [{ type: 'x.CNN', path: '' }], {}, 'CNN is not known'],
    ['a folder outside the model', [{ type: 'x.Pooling', path: '../etc' }], {}, 'is not a folder'],
    [
      'a pooling that is not known',
      [{ type: 'x.Pooling', path: 'p' }],
      { 'p/config.json': { pooling_mode: 'meen' } },
      'pooling_mode "meen"',
    ],
    [
      'a layer of another width',
      [{ type: 'x.Dense', path: 'd' }],
      { 'd/config.json': { in_features: 7, out_features: 2 } },
      'in_features is 7',
    ],
  ])('%s is refused, the model still runs', async (name, modules, files, message) => {
    const folder = join(root, name)
    writeSentenceFolder(folder, { files: { 'modules.json': modules, ...files }, seed: 1, layers: [] })
    await using model = await load(folder, { kind: 'tensor' })
    await expect(embedText(model, 'a')).rejects.toThrow(message)
    await expect(embedText(model, 'a')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect((await fillMask(model, 'a [MASK]')).length).toBe(5)
  })
})

/** Numbers rounded so that they can be compared. */
function near(value: unknown, digits = 4): unknown {
  return JSON.parse(JSON.stringify(value, (_, v: unknown) => (typeof v === 'number' ? Number(v.toFixed(digits)) : v)))
}

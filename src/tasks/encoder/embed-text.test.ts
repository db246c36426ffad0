import { expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import { openSafetensors, readFloat32 } from '../../formats/index.ts'
import { load } from '../load.ts'
import { embedText } from './embed-text.ts'

const TEXTS = [
  'A quiet engineer repairs the clock.',
  'how water becomes steam?',
  "The baker doesn't understand seven wooden boxes before sunrise. A quiet engineer explains the colour of the morning sky without any help! My neighbour will describe a long list of numbers: 1, 2, 3, 14",
  'The river carries seven wooden boxes.',
]

async function answers(name: string, what: string): Promise<Float32Array> {
  const file = await openSafetensors(testdata('refs', name, 'reference.safetensors'))
  try {
    return await readFloat32(file.tensors.get(what)!)
  } finally {
    await file.close()
  }
}

function expectNear(got: Float32Array, want: Float32Array, tolerance = 1e-5): void {
  expect(got.length).toBe(want.length)
  for (const [i, value] of want.entries()) expect(Math.abs(got[i]! - value), `number ${i}`).toBeLessThan(tolerance)
}

describeWithTestdata('embedText', () => {
  test.each(['bert', 'roberta', 'xlm-roberta', 'modernbert'])('%s: the embeddings of the reference', async name => {
    await using model = await load(testdata('refs', name), { kind: 'tensor' })
    const { shape, data } = await embedText(model, TEXTS)
    expect(shape).toEqual([4, 64])
    for (const i of TEXTS.keys()) expectNear(data.subarray(64 * i, 64 * i + 64), await answers(name, `prompt${i}.sentence_embedding`))
  })

  test('clip: texts beyond 77 tokens are cut, which is told', async () => {
    await using model = await load(testdata('refs', 'clip'), { kind: 'tensor' })
    const cuts: unknown[] = []
    const { data } = await embedText(model, TEXTS.slice(0, 3), { onTruncation: cut => cuts.push(cut) })
    expectNear(data, await answers('clip', 'text_embeds'))
    const long = `${TEXTS[2]} ${TEXTS[2]}`
    await embedText(model, ['x', long], { onTruncation: cut => cuts.push(cut) })
    // The third text has 99 tokens and the two around it.
    expect(cuts).toEqual([
      { index: 2, tokens: 101, kept: 77 },
      { index: 1, tokens: 200, kept: 77 },
    ])
    await expect(embedText(model, [long], { truncate: false })).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW', details: { index: 0 } })
  })

  test('options: pooling, length, most tokens', async () => {
    await using model = await load(testdata('refs', 'bert'), { kind: 'tensor' })
    const one = async (options: Parameters<typeof embedText>[2]) => (await embedText(model, TEXTS[0]!, options)).data
    const hidden = await answers('bert', 'prompt0.hidden_final')
    expectNear(await one({ pooling: 'cls', normalize: false }), hidden.subarray(0, 64), 2e-4)
    expectNear(await one({ pooling: 'last', normalize: false }), hidden.subarray(8 * 64), 2e-4)
    const length = Math.hypot(...(await one({ normalize: true })))
    expect(length).toBeCloseTo(1, 6)
    const cuts: { kept: number; tokens: number }[] = []
    await one({ maxTokens: 5, onTruncation: cut => cuts.push(cut) })
    expect(cuts).toEqual([{ index: 0, tokens: 9, kept: 5 }])
    // The empty text is what the model puts around a text.
    expect((await embedText(model, '')).shape).toEqual([1, 64])
    expect((await embedText(model, [])).shape).toEqual([0, 64])
  })

  test('what cannot be', async () => {
    await using model = await load(testdata('refs', 'bert'), { kind: 'tensor' })
    await expect(embedText(model, 7 as never)).rejects.toThrow('embedText: text 0 must be a string')
    await expect(embedText(model, ['a', null as never])).rejects.toThrow('text 1 must be a string')
    await expect(embedText(model, 'a', { promptName: 'query' })).rejects.toThrow('has no prompt "query"')
    await expect(embedText(model, 'a', { pooling: 'meen' as never })).rejects.toThrow('pooling must be')
    await using pictures = await load(testdata('refs', 'vit'), { kind: 'tensor' })
    await expect(embedText(pictures, 'a')).rejects.toThrow('reads pictures, not texts')
  })

  test('a model that was disposed', async () => {
    const model = await load(testdata('refs', 'bert'), { kind: 'tensor' })
    const pending = embedText(model, TEXTS)
    model.dispose()
    await expect(pending).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})

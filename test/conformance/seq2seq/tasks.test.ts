/** Encoder–decoders through `load`: what the public face writes is what transformers writes. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openSafetensors } from '../../../src/formats/index.ts'
import { inspect, load, summarise, transcribe, translate } from '../../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { tinyModelFolder } from '../../tiny-model.ts'
import { wavFile } from '../../wav-file.ts'

interface StoredPrompt {
  readonly text: string
  readonly input_ids: number[]
  readonly greedy_ids: number[]
  readonly beam4: { readonly sequences: number[][]; readonly scores: number[] }
}

function promptsOf(name: string): readonly StoredPrompt[] {
  return (JSON.parse(readFileSync(testdata('refs', name, 'reference.json'), 'utf8')) as { prompts: StoredPrompt[] }).prompts
}

function open(name: string) {
  return load(testdata('refs', name), { kind: 'language' })
}

async function recording(index: number): Promise<Float32Array> {
  const sounds = await openSafetensors(testdata('refs', 'whisper', 'audio.safetensors'))
  const bytes = await sounds.tensors.get(`audio${index}_i16`)!.read()
  await sounds.close()
  return Float32Array.from(new Int16Array(bytes.slice().buffer), x => x / 32_768)
}

describeWithTestdata('texts', () => {
  test.each(['t5', 'bart', 'marian'])('%s reads and writes', async name => {
    await using model = await open(name)
    const prompts = promptsOf(name)
    expect(model.describe()).toMatchObject({ architecture: name, encoder: { input: 'text', layers: 2 }, layers: 2 })
    for (const { text, input_ids: ids } of prompts) expect(model.tokenize(text)).toEqual(ids)
    const answers = await Promise.all(
      prompts.map(({ text, greedy_ids: greedy }) => model.generate(text, { maxTokens: greedy.length, ignoreEos: true }).done()),
    )
    expect(answers.map(({ tokens }) => tokens)).toEqual(prompts.map(({ greedy_ids: greedy }) => greedy))
    expect(answers[0]).toMatchObject({
      finishReason: 'length',
      usage: { promptTokens: prompts[0]!.input_ids.length, completionTokens: 32 },
    })
    expect(answers[0]!.text).toBe(model.detokenize(prompts[0]!.greedy_ids))
    const streamed: string[] = []
    for await (const { text } of model.generate(prompts[0]!.text, { maxTokens: 32, ignoreEos: true })) streamed.push(text)
    expect(streamed.join('')).toBe(answers[0]!.text)
  })

  test('bart searches with beams', async () => {
    await using model = await open('bart')
    const [prompt] = promptsOf('bart')
    const { tokens, sequences, text } = await model.generate(prompt!.text, { beams: 4, returnSequences: 4, maxTokens: 20 }).done()
    expect(sequences!.map(({ tokens: found }) => found)).toEqual(prompt!.beam4.sequences)
    expect(tokens).toEqual(prompt!.beam4.sequences[0])
    expect(text).toBe(model.detokenize(tokens))
    for (const [i, { score }] of sequences!.entries()) expect(score).toBeCloseTo(prompt!.beam4.scores[i]!, 4)
  })

  test('translate and summarise', async () => {
    await using model = await open('marian')
    const texts = promptsOf('marian').map(({ text }) => text)
    const translations = await translate(model, texts, { maxTokens: 12 })
    const alone = await Promise.all(texts.map(text => model.generate(text, { maxTokens: 12 }).done()))
    expect(translations).toEqual(alone.map(({ text }) => ({ translation_text: text })))
    await using t5 = await open('t5')
    const german = await t5.generate(`translate English to German: ${texts[0]}`, { maxTokens: 8 }).done()
    expect(await translate(t5, texts[0]!, { to: 'de', maxTokens: 8 })).toEqual([{ translation_text: german.text }])
    const summary = await t5.generate(`summarize: ${texts[0]}`, { maxTokens: 8 }).done()
    expect(await summarise(t5, texts[0]!, { maxTokens: 8 })).toEqual([{ summary_text: summary.text }])
  })

  test('logits are those of the reference', async () => {
    await using model = await open('t5')
    const [prompt] = promptsOf('t5')
    const { shape, data } = await model.logits([0, ...prompt!.greedy_ids], { source: prompt!.input_ids })
    expect(shape).toEqual([33, 307])
    const best = Array.from({ length: 32 }, (_, i) =>
      data.subarray(i * 307, (i + 1) * 307).reduce((top, x, id, row) => (x > row[top]! ? id : top), 0),
    )
    expect(best).toEqual(prompt!.greedy_ids)
  })

  test('what does not fit is refused', async () => {
    await using model = await open('bart')
    const long = Array.from({ length: 161 }, () => 5)
    await expect(model.generate(long).done()).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW', details: { tokens: 161, context: 160 } })
    expect(() => model.generate([512])).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => model.generate('a', { beams: 2, stop: 'x' })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => model.generate('a', { beams: 2, returnSequences: 3 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => model.chat([])).toThrow(expect.objectContaining({ code: 'TEMPLATE_MISSING' }))
    await expect(transcribe(model, { sampleRate: 16_000, samples: new Float32Array(1) })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(translate(model, 'a', { to: '!' })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect((await inspect(testdata('refs', 'bart'), { kind: 'language' })).encoder).toEqual({ input: 'text', layers: 2, context: 160 })
  })
})

describeWithTestdata('recordings', () => {
  test('whisper hears what the reference hears, from any WAV file', async () => {
    await using model = await open('whisper')
    const { greedy_ids: greedy } = promptsOf('whisper')[0]!
    const samples = await recording(0)
    const audio = { sampleRate: 16_000, samples }
    const options = { language: 'en', maxTokens: 32, ignoreEos: true }
    const wanted = model.detokenize(greedy.filter(id => id < 490))
    expect(await transcribe(model, audio, options)).toEqual({ text: wanted, language: 'en' })
    const wav = wavFile({ sampleRate: 16_000, channels: [samples, samples] })
    expect((await transcribe(model, wav, { ...options, language: 'English' })).text).toBe(wanted)
    const all = await Promise.all([0, 1, 2].map(async i => transcribe(model, { sampleRate: 16_000, samples: await recording(i) }, options)))
    expect(all[0]!.text).toBe(wanted)
    expect(new Set(all.map(({ text }) => text)).size).toBe(3)
  })

  test('long recordings, with times that go on', async () => {
    await using model = await open('whisper')
    const samples = new Float32Array(16_000 * 7)
    for (let i = 0; i < 3; i++) samples.set((await recording(i)).subarray(0, 19_200), i * 32_000)
    const heard: string[] = []
    const { text, chunks, language } = await transcribe(
      model,
      { sampleRate: 16_000, samples },
      { timestamps: true, maxTokens: 24, onChunk: chunk => heard.push(chunk.text) },
    )
    expect(['en', 'fr']).toContain(language)
    expect(chunks!.map(chunk => chunk.text)).toEqual(heard)
    expect(text).toBe(heard.join(''))
    for (const [i, { timestamp }] of chunks!.entries()) {
      expect(timestamp[0]).toBeGreaterThanOrEqual(i > 0 ? chunks![i - 1]!.timestamp[0] : 0)
      expect(timestamp[1]).toBeGreaterThanOrEqual(timestamp[0])
      expect(timestamp[1]).toBeLessThanOrEqual(7)
    }
  })

  test('recordings of odd lengths and rates', async () => {
    await using model = await open('whisper')
    const listen = (samples: Float32Array, sampleRate = 16_000) =>
      transcribe(model, { sampleRate, samples }, { language: 'fr', maxTokens: 4 })
    expect(await listen(new Float32Array(0))).toEqual({ text: '', language: 'fr' })
    for (const rate of [8_000, 11_025, 48_000]) expect((await listen(new Float32Array(1), rate)).language).toBe('fr')
    await expect(listen(Float32Array.of(Number.NaN))).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(listen(new Float32Array(9), 5)).rejects.toMatchObject({ code: 'FORMAT_UNSUPPORTED' })
    const silence = { sampleRate: 16_000, samples: new Float32Array(8) }
    await expect(transcribe(model, silence, { language: 'klingon' })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect(() => model.generate('text')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})

describe('other models', () => {
  test('do not translate', async () => {
    const folder = await tinyModelFolder()
    try {
      await using model = await load(folder.path, { kind: 'language', backend: 'reference' })
      await expect(translate(model, 'a')).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    } finally {
      folder.remove()
    }
  })
})

/** A small trained model, in both its forms: the same sensible English, alone and beside others. */
import { expect, test } from 'vitest'
import { load } from '../../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'

const PROMPTS = ['Once upon a time', 'Lily went to the park', 'The dog', '']
const GREEDY = { temperature: 0, maxTokens: 120 }

describeWithTestdata('stories260K', () => {
  test('both forms tell the same stories', async () => {
    using binary = await load(testdata('llm', 'stories260K', 'stories260K.bin'), { kind: 'language' })
    using folder = await load(testdata('llm', 'stories260K'), { kind: 'language' })
    expect([binary.describe().format, folder.describe().format]).toEqual(['llama2c', 'safetensors'])
    for (const prompt of PROMPTS) {
      const [one, other] = [await binary.generate(prompt, GREEDY).done(), await folder.generate(prompt, GREEDY).done()]
      expect(other.text).toBe(one.text)
      expect(one.text).toMatch(/\b(was|were|and|the|she|he)\b/)
    }
  })

  test('stories told at once are those told alone', async () => {
    using model = await load(testdata('llm', 'stories260K', 'stories260K.bin'), { kind: 'language', backend: 'reference' })
    const alone: string[] = []
    for (const prompt of PROMPTS) alone.push((await model.generate(prompt, GREEDY).done()).text)
    const together = await Promise.all(PROMPTS.map(prompt => model.generate(prompt, GREEDY).done()))
    expect(together.map(result => result.text)).toEqual(alone)
  })

  test('sampling with a seed repeats, and a stop text ends the story', async () => {
    using model = await load(testdata('llm', 'stories260K', 'stories260K.bin'), { kind: 'language' })
    const options = { seed: 42, maxTokens: 80 }
    const [one, other] = [await model.generate(PROMPTS[0]!, options).done(), await model.generate(PROMPTS[0]!, options).done()]
    expect(other.text).toBe(one.text)
    const stopped = await model.generate(PROMPTS[0]!, { ...GREEDY, stop: '.' }).done()
    expect(stopped.finishReason).toBe('stop')
    expect(stopped.text).not.toContain('.')
  })
})

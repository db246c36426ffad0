import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { describeWithTestdata, testdata } from '../testdata.ts'
import { wavFile } from '../wav-file.ts'
import { hence } from './cli-process.ts'

let folder = ''
let wav = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hence-speech-'))
  vi.stubEnv('HENCE_CACHE', join(folder, 'cache'))
  wav = join(folder, 'tone.wav')
  const tone = Float32Array.from({ length: 22_050 * 3 }, (_, i) => 0.3 * Math.sin((2 * Math.PI * 440 * i) / 22_050))
  writeFileSync(wav, wavFile({ sampleRate: 22_050, channels: [tone, tone] }))
})

afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

describeWithTestdata('hence run with an encoder–decoder', () => {
  test('text in, text out', async () => {
    const argv = ['run', testdata('refs', 'bart'), 'how water becomes steam?', '--max-tokens', '6']
    const [greedy, searched] = [await hence(argv), await hence([...argv, '--beams', '4', '--json'])]
    expect(greedy).toMatchObject({ code: 0 })
    const { text, tokens, sequences } = JSON.parse(searched.stdout) as { text: string; tokens: number[]; sequences: { score: number }[] }
    expect(tokens.length).toBeGreaterThan(0)
    expect(sequences).toHaveLength(1)
    expect(greedy.stdout.trimEnd()).not.toBe(text)
  })

  test('sound in, text out', async () => {
    const argv = ['run', testdata('refs', 'whisper'), wav, '--max-tokens', '8']
    const plain = await hence([...argv, '--language', 'fr', '--json'])
    expect(plain).toMatchObject({ code: 0 })
    expect(JSON.parse(plain.stdout)).toMatchObject({ language: 'fr' })
    const timed = await hence([...argv, '--timestamps'])
    expect(timed).toMatchObject({ code: 0 })
    for (const line of timed.stdout.trimEnd().split('\n').filter(Boolean)) expect(line).toMatch(/^\d+\.\d\d–\d+\.\d\d /)
  })

  test('inspect shows both sides', async () => {
    const shown = await hence(['inspect', testdata('refs', 't5'), '--program'])
    expect(shown).toMatchObject({ code: 0 })
    for (const text of ['encoder', 'reads texts of up to 4,096 tokens', 't5 decoder', 'cross_attention'])
      expect(shown.stdout).toContain(text)
    const told = await hence(['inspect', testdata('refs', 'whisper'), '--json'])
    expect(JSON.parse(told.stdout)).toMatchObject({ description: { encoder: { input: 'sound', layers: 2, context: 100 } } })
  })

  test('what does not go together is refused', async () => {
    const [whisper, bart] = [testdata('refs', 'whisper'), testdata('refs', 'bart')]
    for (const argv of [
      ['run', whisper],
      ['run', whisper, wav, wav],
      ['run', whisper, wav, '--chat'],
      ['run', bart, 'text', '--timestamps'],
    ])
      expect(await hence(argv), argv.join(' ')).toMatchObject({ code: 2 })
    expect(await hence(['run', whisper, join(folder, 'missing.wav')])).toMatchObject({ code: 1 })
    expect(await hence(['run', whisper, wav, '--language', 'klingon'])).toMatchObject({ code: 1 })
  })
})

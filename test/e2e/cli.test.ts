import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { writeGguf } from '../../src/formats/index.ts'
import { load } from '../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../testdata.ts'
import { tinyModelFolder } from '../tiny-model.ts'
import { hence } from './cli-process.ts'

let folder = ''
let model = ''
let removeModel = (): void => {}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hence-cli-'))
  vi.stubEnv('HENCE_CACHE', join(folder, 'cache'))
  const tiny = await tinyModelFolder()
  model = tiny.path
  removeModel = tiny.remove
})

afterAll(() => {
  vi.unstubAllEnvs()
  removeModel()
  rmSync(folder, { recursive: true, force: true })
})

/** Holds predicted bytes of weights to those of a loaded model, which are padded between weights. */
async function expectWeights(path: string, predictedBytes: number): Promise<void> {
  await using loaded = await load(path, { kind: 'language' })
  const { memory, tensorTypes } = loaded.describe()
  const tensors = Object.values(tensorTypes).reduce((sum, type) => sum + type.tensors, 0)
  expect(predictedBytes).toBeLessThanOrEqual(memory.weightBytes)
  expect(predictedBytes).toBeGreaterThanOrEqual(memory.weightBytes - 128 * tensors)
}

const GREEDY = ['--temperature', '0', '--max-tokens', '8']

describe('help and version', () => {
  test('an empty command line, help and --help show the commands', async () => {
    for (const argv of [[], ['help'], ['--help'], ['-h']]) {
      const { code, stdout } = await hence(argv)
      expect(code).toBe(0)
      for (const name of ['run', 'chat', 'inspect', 'doctor', 'help', 'version']) expect(stdout).toContain(`hence ${name}`)
    }
  })

  test('every command explains itself, whatever else is on the line', async () => {
    const { stdout } = await hence(['help', '--json'])
    const { commands } = JSON.parse(stdout) as { commands: { name: string; flags: { name: string }[] }[] }
    for (const { name, flags } of commands) {
      const help = await hence([name, '--help', '--nonsense'])
      expect(help.code).toBe(0)
      for (const flag of flags) expect(help.stdout).toContain(flag.name)
      expect((await hence(['help', name])).stdout).toBe(help.stdout)
      for (const line of help.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(140)
    }
  })

  test('version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
    expect((await hence(['--version'])).stdout).toBe(`hence ${version}\n`)
    expect(JSON.parse((await hence(['version', '--json'])).stdout)).toMatchObject({ hence: version })
  })
})

describe('wrong usage exits with 2 and says what was meant', () => {
  test.each([
    [['run', 'x', '--temprature', '0'], 'no flag --temprature; did you mean --temperature?'],
    [['rnu', 'x'], 'no command "rnu"; did you mean "run"?'],
    [['--stats', 'run'], 'flags stand after the command'],
    [['run', 'x', '--temperature', 'warm'], '--temperature must be a number from 0 to 1000, is "warm"'],
    [['run', 'x', '--temperature', '-1'], '--temperature must be a number'],
    [['run', 'x', '--max-tokens', '0'], '--max-tokens must be a whole number from 1 on'],
    [['run', 'x', '--max-tokens'], '--max-tokens needs a value'],
    [['run', 'x', '--stall-ms', '0.5'], '--stall-ms must be a number from 1 to 3600000, is "0.5"'],
    [['serve', 'x', '--max-waiting', '1.5'], '--max-waiting must be a whole number from 1 to 1000000000, is "1.5"'],
    [['serve', 'x', '--prefix-cache-bytes', '0'], '--prefix-cache-bytes must be a whole number from 1 on'],
    [['run', 'x', '--prompt', '--stats'], '--prompt needs a value'],
    [['run', 'x', '--stats=yes'], '--stats takes no value'],
    [['run', 'x', '--backend', 'nativ'], 'did you mean "native"?'],
    [['run', 'x', 'a prompt', '--prompt', 'another'], 'given twice'],
    [['run'], 'needs a model'],
    [['chat'], 'needs one model'],
    [['inspect', 'a', 'b'], 'needs one model'],
    [['doctor', 'x'], 'takes no arguments'],
    [['doctor', '--clear'], '--clear goes with --cache'],
    [['help', 'nothing'], 'no command "nothing"'],
  ])('%j', async (argv, message) => {
    const { code, stdout, stderr } = await hence(argv)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/^hence: .+\nhint: .+\n$/)
  })

  test('with --json the error is the document', async () => {
    const { code, stdout, stderr } = await hence(['run', 'x', '--temprature', '0', '--json'])
    expect(code).toBe(2)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE', details: { nearest: '--temperature' } } })
  })
})

describe('run', () => {
  test('prints the continuation and nothing else', async () => {
    const { code, stdout, stderr } = await hence(['run', model, '--prompt', 'ab', ...GREEDY])
    const json = await hence(['run', model, '--prompt', 'ab', ...GREEDY, '--json'])
    const result = JSON.parse(json.stdout) as { text: string; usage: unknown }
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${result.text}\n`, stderr: '' })
    expect(result).toMatchObject({ model, usage: { promptTokens: 2, completionTokens: 8 }, finishReason: 'length' })
    expect(json.stderr).toBe('')
  })

  test('takes the prompt from words, from a flag, and from standard input without its last line break', async () => {
    const wanted = (await hence(['run', model, '--prompt', 'two words', ...GREEDY])).stdout
    expect((await hence(['run', model, 'two', 'words', ...GREEDY])).stdout).toBe(wanted)
    expect((await hence(['run', model, ...GREEDY], { stdin: 'two words\n' })).stdout).toBe(wanted)
    expect((await hence(['run', model, '-', ...GREEDY], { stdin: 'two words' })).stdout).toBe(wanted)
    expect((await hence(['run', model, ...GREEDY, '--', '--two'])).code).toBe(0)
  })

  test('what was computed is found by the next run, where there is a folder for it', async () => {
    const flags = [
      '--prefix-cache-folder',
      join(folder, 'blocks'),
      '--prefix-cache-bytes',
      '1e6',
      '--stall-ms',
      '50',
      '--max-waiting',
      '1',
      '--json',
    ]
    const ask = async () => JSON.parse((await hence(['run', model, '--prompt', 'again '.repeat(8), ...GREEDY, ...flags])).stdout)
    const [first, second] = [await ask(), await ask()]
    expect([first.usage.cachedTokens, second.usage.cachedTokens, second.text]).toEqual([undefined, 32, first.text])
  })

  test('an empty prompt begins a text', async () => {
    const { code, stdout } = await hence(['run', model, '--prompt', '', ...GREEDY, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ usage: { promptTokens: 1 } })
  })

  test('--chat asks through the template, --stats tells timings apart from the text', async () => {
    const { stdout } = await hence(['run', model, '--chat', 'Hi', ...GREEDY, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ usage: { promptTokens: 'user: Hi\n'.length } })
    const { stderr } = await hence(['run', model, 'Hi', ...GREEDY, '--stats'])
    for (const word of ['load', 'prompt', 'answer', 'first token', 'seed']) expect(stderr).toContain(word)
  })

  test('Ctrl-C keeps what was printed and exits with 130', async () => {
    const { code, stdout } = await hence(['run', model, 'abc', '--temperature', '1', '--seed', '1'], {
      isTerminal: true,
      interruptAfter: '',
    })
    expect(code).toBe(130)
    expect(stdout.endsWith('\n') || stdout === '').toBe(true)
  })

  test('a terminal gets no control characters from the model', async () => {
    const { stdout } = await hence(
      ['run', model, 'abc', '--temperature', '5', '--top-k', '0', '--top-p', '1', '--min-p', '0', '--seed', '2'],
      {
        isTerminal: true,
      },
    )
    const isControl = (code: number): boolean => (code < 0x20 && code !== 0x09 && code !== 0x0a) || (code >= 0x7f && code <= 0x9f)
    expect([...stdout].filter(character => isControl(character.codePointAt(0)!))).toEqual([])
  })
})

describe('failures exit with 1, an explanation and a hint', () => {
  test('a missing file', async () => {
    const { code, stdout, stderr } = await hence(['run', join(folder, 'missing.gguf'), 'x'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^hence: .*missing\.gguf does not exist\nhint: /)
    expect(stderr).not.toContain('at ')
    const debug = await hence(['run', join(folder, 'missing.gguf'), 'x'], { env: { HENCE_DEBUG: '1' } })
    expect(debug.stderr).toMatch(/\n\s+at /)
  })

  test('a truncated model', async () => {
    const path = join(folder, 'truncated.gguf')
    await writeGguf(path, {
      metadata: { 'general.architecture': 'llama' },
      tensors: [{ name: 'token_embd.weight', type: 'f32', shape: [64, 64], data: new Uint8Array(64 * 64 * 4) }],
    })
    truncateSync(path, 8_000)
    for (const command of ['run', 'inspect', 'chat']) {
      const { code, stdout } = await hence([command, path, '--json'])
      expect(code).toBe(1)
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'FILE_TRUNCATED' } })
    }
  })

  test('input that is not UTF-8, with the place', async () => {
    const { code, stderr } = await hence(['run', model], { stdin: Uint8Array.of(0x61, 0x62, 0xff, 0x63) })
    expect(code).toBe(1)
    expect(stderr).toContain('byte 0xff at offset 2')
  })

  test('a prompt of 1 MB, with the numbers', async () => {
    const { code, stderr } = await hence(['run', model], { stdin: 'word '.repeat(200_000) })
    expect(code).toBe(1)
    expect(stderr).toMatch(/the prompt has 1000000 tokens and the context 96/)
  })

  test('a context beyond the model, a backend that is not there', async () => {
    expect(await hence(['run', model, 'x', '--context', '4096'])).toMatchObject({ code: 1, stderr: expect.stringContaining('96') })
    expect(await hence(['run', model, 'x', '--backend', 'native', '--target', 'none'])).toMatchObject({ code: 1 })
  })
})

describe('chat', () => {
  test('answers every line of a pipe, and prints answers only', async () => {
    const { code, stdout, stderr } = await hence(['chat', model, ...GREEDY], {
      stdin: 'one\n\n"""\ntwo\nlines\n"""\n/stats\n/exit\nnever\n',
    })
    expect(code).toBe(0)
    expect(stdout.split('\n').length).toBeGreaterThanOrEqual(3)
    expect(stderr).toContain('2 answers')
  })

  test('one JSON document with the whole conversation; the oldest turns make room', async () => {
    const lines = ['first message', 'second message', 'third message', 'fourth message']
    const { code, stdout, stderr } = await hence(['chat', model, ...GREEDY, '--system', 'Be brief', '--json'], { stdin: lines.join('\n') })
    expect(code).toBe(0)
    const { messages, answers } = JSON.parse(stdout) as { messages: { role: string; content: string }[]; answers: unknown[] }
    expect(answers).toHaveLength(4)
    expect(messages[0]).toEqual({ role: 'system', content: 'Be brief' })
    expect(messages.some(({ content }) => content === 'first message')).toBe(false)
    expect(messages.at(-2)).toEqual({ role: 'user', content: 'fourth message' })
    expect(stderr).toContain('the context is full')
  })

  test('unknown commands get a suggestion, /clear forgets', async () => {
    const { stdout, stderr } = await hence(['chat', model, ...GREEDY, '--json'], { stdin: 'one\n/cler\n/clear\ntwo\n' })
    expect(stderr).toContain('did you mean /clear?')
    const { messages } = JSON.parse(stdout) as { messages: unknown[] }
    expect(messages).toHaveLength(2)
  })

  test('--plain continues one text', async () => {
    const { stdout } = await hence(['chat', model, '--plain', ...GREEDY, '--json'], { stdin: 'ab\n\n' })
    const { answers } = JSON.parse(stdout) as { answers: { usage: { promptTokens: number } }[] }
    expect(answers.map(({ usage }) => usage.promptTokens)).toEqual([2, 10])
  })
})

describe('inspect', () => {
  test('shows the parts, the formula with its numbers, and the program', async () => {
    const { code, stdout } = await hence(['inspect', model, '--no-measure', '--tensors', '--program'])
    expect(code).toBe(0)
    expect(stdout).toContain('2 × 2 layers × 2 KV heads × 4 × 4 B (f32) = 128 B per token')
    expect(stdout).toContain('model.layers.1.mlp.down_proj.weight')
    expect(stdout).toContain('= attention(')
    expect(stdout).not.toContain('tokens/s')
  })

  test('predicts the weights that loading then finds', async () => {
    const { stdout } = await hence(['inspect', model, '--no-measure', '--json'])
    const { description, costs, speed } = JSON.parse(stdout)
    expect(speed).toBeNull()
    expect(description).toMatchObject({ architecture: 'llama', layers: 2, modelContext: 96, hasChatTemplate: true })
    expect(costs.operationsPerToken).toBeGreaterThan(description.parameters)
    await expectWeights(model, costs.weightBytes)
  })

  test('lists types it cannot read instead of failing', async () => {
    const path = join(folder, 'unsupported.gguf')
    const block = (name: string) => ({ name, type: 'q8_0' as const, shape: [1, 256], data: new Uint8Array(272) })
    await writeGguf(path, { metadata: { 'general.architecture': 'llama' }, tensors: [block('aaaa.weight'), block('bbbb.weight')] })
    // Turns the type of the first tensor, q8_0 = 8, into iq2_xxs = 16, whose block of 256 takes fewer bytes.
    const bytes = readFileSync(path)
    const at = bytes.indexOf('aaaa.weight') + 'aaaa.weight'.length + 4 + 16
    expect(bytes.readUInt32LE(at)).toBe(8)
    bytes.writeUInt32LE(16, at)
    writeFileSync(path, bytes)
    const { code, stdout } = await hence(['inspect', path])
    expect(code).toBe(0)
    expect(stdout).toMatch(/iq2_xxs +1 tensor/)
    const json = await hence(['inspect', path, '--json', '--tensors'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      unsupported: { iq2_xxs: 1 },
      tensors: [{ name: 'bbbb.weight' }, { name: 'aaaa.weight' }],
    })
    expect((await hence(['run', path, 'x'])).code).toBe(1)
  })
})

describe('doctor', () => {
  test('shows machine and backend', async () => {
    const { code, stdout } = await hence(['doctor', '--quick'])
    expect(code).toBe(0)
    for (const word of ['processor', 'memory', 'backend', 'instruction sets', 'cache', 'hub', 'sharp', 'problems'])
      expect(stdout).toContain(word)
    expect(JSON.parse((await hence(['doctor', '--quick', '--json'])).stdout)).toMatchObject({ speeds: null, machine: {}, backend: {} })
  })

  test('--cache lists and clears', async () => {
    const packed = join(folder, 'cache', 'packed')
    mkdirSync(packed, { recursive: true })
    writeFileSync(join(packed, 'a.packed'), Buffer.alloc(2_500_000))
    const listed = await hence(['doctor', '--cache'])
    expect(listed.stdout).toMatch(/2\.50 MB +.*a\.packed/)
    expect(listed.stdout).toContain('1 packed model, 2.50 MB')
    expect(JSON.parse((await hence(['doctor', '--cache', '--json'])).stdout)).toMatchObject({ folder: packed, bytes: 2_500_000 })
    expect((await hence(['doctor', '--cache', '--clear'])).stdout).toContain('deleted 1 packed model')
    expect(readdirSync(packed)).toEqual([])
  })
})

describeWithTestdata('real models', () => {
  test('stories260K goes on as its reference does', async () => {
    const { stdout } = await hence([
      'run',
      testdata('llm', 'stories260K'),
      '--prompt',
      'Once upon a time',
      '--max-tokens',
      '24',
      '--temperature',
      '0',
    ])
    expect(stdout).toContain('there was a little girl named Lily')
  })

  test.each(['stories260K', 'stories260K/stories260K.bin'])('inspect %s', async name => {
    const { stdout } = await hence(['inspect', testdata('llm', ...name.split('/')), '--no-measure'])
    expect(stdout).toContain('architecture   llama')
    expect(stdout).toContain('context 512 → 655 kB')
  })

  test.each(['llama', 'mistral', 'qwen2', 'gpt2'])('inspect the reference %s', async name => {
    const { code, stdout } = await hence(['inspect', testdata('refs', name), '--no-measure', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ description: { architecture: name } })
  })

  test.each(['gpt2', 'llama', 'llama-kquant', 'qwen2'])('inspect predicts the packed weights of %s', async name => {
    const folder = testdata('refs', 'gguf', name)
    for (const file of readdirSync(folder).filter(entry => entry.endsWith('.gguf'))) {
      const { stdout } = await hence(['inspect', join(folder, file), '--no-measure', '--json'])
      await expectWeights(join(folder, file), JSON.parse(stdout).costs.weightBytes)
    }
  })

  test('a model without a chat template says what to do', async () => {
    const { code, stderr } = await hence(['chat', testdata('llm', 'stories260K')], { stdin: 'x' })
    expect(code).toBe(1)
    expect(stderr).toContain('--plain')
  })
})

const built = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

describe.skipIf(!existsSync(built))('the built command', () => {
  test('runs as a process, and survives a reader that goes away', () => {
    const run = spawnSync(process.execPath, [built, 'version'], { encoding: 'utf8' })
    expect(run).toMatchObject({ status: 0, stderr: '' })
    expect(spawnSync(process.execPath, [built, 'run', '--nonsense'], { encoding: 'utf8' }).status).toBe(2)
    const piped = spawnSync('sh', ['-c', `"${process.execPath}" "${built}" run "${model}" x --temperature 1 | head -c 1`], {
      encoding: 'utf8',
    })
    expect(piped.stderr).toBe('')
  })
})

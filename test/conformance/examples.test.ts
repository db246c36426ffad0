/** Every program in `examples/` and every example of the README runs, with the built package: on a tiny model, or on the real one it is about. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../testdata.ts'
import { tinyModelFolder } from '../tiny-model.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let model: { path: string; remove(): void }

/** Examples that bring what they reason about, and what they must say. */
const REASONING: Readonly<Record<string, readonly RegExp[]>> = {
  // Charig et al. 1986: 273 of 350 and 289 of 350; by the size of the stones (357 small) 83.3 % and 77.9 %.
  'simpsons-paradox.mjs': [
    /= Σ_\{size\} P\(outcome \| treatment, size\) P\(size\)$/m,
    /^treatment A: 78\.0 % .* 83\.3 % would/m,
    /^treatment B: 82\.6 % .* 77\.9 % would/m,
    /Simpson's paradox/,
    /Measuring size would settle it/,
  ],
  // With asia=yes, dysp=yes, smoke=no the paper's network gives these.
  'diagnosis.mjs': [/tuberculosis: 1\.0 % before, 11\.3 % now/, /if the x-ray is abnormal: tuberculosis 63\.2 %/],
  // 0.02 (1 − 0.99 · 0.2 · 0.979 · 0.991) / (1 − 0.99 · 0.984 · 0.979 · 0.991)
  'predictive-maintenance.mjs': [/it vibrates: worn bearing 29\.4 %/, /first: worn bearing/],
  // Odds of 1 to 99, times e^1.7 · 0.6 / 0.4, times 0.85 / 0.1.
  'classifier-in-a-network.mjs': [/8\.21 times/, /7\.7 % with the picture/, /with the picture and a fever: 41\.3 %/],
}

/** Examples about one model. */
const RESNET = 'resnet20.mjs'
const PHONEMES = 'word-to-phonemes.mjs'
const NEAREST = 'nearest-texts.mjs'

beforeAll(async () => {
  model = await tinyModelFolder()
  // Only dist/ is wanted; examples use whatever backend there is.
  expect(runNode(['scripts/setup.mjs', '--build'], { HENCE_NATIVE: 'off' }).status).toBe(0)
}, 600_000)

afterAll(() => model?.remove())

const examples = readdirSync(`${root}/examples`).filter(name => name.endsWith('.mjs') && !(name in REASONING))

test.each(Object.entries(REASONING))('%s', (name, expected) => {
  const output = outputOf(name, [])
  for (const pattern of expected) expect(output).toMatch(pattern)
})

test.each(examples)('%s says how it is used', name => {
  expect(runNode([`examples/${name}`])).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining(`usage: node examples/${name}`),
  })
})

test.each(examples.filter(name => ![RESNET, PHONEMES, NEAREST].includes(name)))('%s on a tiny language model', name => {
  expect(outputOf(name, [model.path])).not.toBe('')
})

describe('TypeScript in README.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hence-readme-'))
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(match => match[1]!)

  beforeAll(() => {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules', 'hence'), 'dir')
    expect(runNode(['scripts/tiny-model.mjs', join(folder, 'model.gguf')]).status).toBe(0)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each(blocks.map((code, index) => [index + 1, code] as const))('example %i', (index, code) => {
    const program = join(folder, `example-${index}.mjs`)
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
    writeFileSync(program, ts.transpileModule(code, { compilerOptions }).outputText)
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { cwd: folder, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toBe('')
  })
})

describeWithTestdata('vectors', () => {
  test('the nearest text is the text itself', () => {
    const output = outputOf(NEAREST, [testdata('refs', 'bert'), `${root}/examples/${NEAREST}`, 'console.error(usage)'])
    expect(output.split('\n')[0]).toMatch(/^ +0\.\d{3} {2}\S/)
    const [same] = outputOf(NEAREST, [testdata('refs', 'bert'), `${root}/examples/${NEAREST}`, 'model.dispose()']).split('\n')
    expect(same).toBe(' 1.000  model.dispose()')
  })
})

describeWithTestdata('networks written in TypeScript', () => {
  describe.each(['', 'off'])('HENCE_NATIVE=%s', native => {
    const environment = native === '' ? {} : { HENCE_NATIVE: native }

    test('ResNet-20 has the logits of its reference', () => {
      const folder = (name: string): string => testdata('cnn', 'cifar10-resnet', name)
      const output = outputOf(RESNET, [folder('resnet20.safetensors'), folder('reference-resnet20.safetensors')], environment)
      expect(output.split('\n')[0]!.split(' ')).toHaveLength(64)
      const difference = /expected logits: (\S+)$/m.exec(output)?.[1]
      expect(Number(difference)).toBeLessThan(1e-4)
    })

    test('the encoder and decoder of g2p_en speak', () => {
      const output = outputOf(PHONEMES, [testdata('seq2seq', 'g2p_en', 'checkpoint20.npz'), 'activationist'], environment)
      expect(output).toBe('activationist: AE2 K T IH0 V EY1 SH AH0 N IH0 S T\n')
    })
  })
})

function outputOf(example: string, args: readonly string[], environment?: Readonly<Record<string, string>>): string {
  const { status, stdout, stderr } = runNode([`examples/${example}`, ...args], environment)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

function runNode(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  })
  return { status, stdout, stderr }
}

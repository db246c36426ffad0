/** The models in `models/` do what their cards say, measured by their own scripts on what they have not seen. */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MODELS = [
  { file: 'models/shapes/shapes.onnx', check: 'models/shapes/check.mjs', maxBytes: 1e6 },
  { file: 'models/storyteller/storyteller.gguf', check: 'models/storyteller/check.mjs', maxBytes: 4e6 },
]

beforeAll(() => {
  expect(node('scripts/setup.mjs', '--build').status).toBe(0)
}, 600_000)

describe.each(MODELS)('$file', ({ file, check, maxBytes }) => {
  test('keeps its promises', () => {
    const { status, stdout, stderr } = node(check)
    expect(status, stdout + stderr).toBe(0)
  })

  test('stays small', () => {
    expect(statSync(`${root}/${file}`).size).toBeLessThanOrEqual(maxBytes)
  })
})

test('the command finds names and preparation of a picture beside the model', () => {
  const { stdout, stderr } = node('dist/cli/main.js', 'run', 'models/shapes/shapes.onnx', 'models/shapes/heart.png', '--top', '1')
  expect(stdout).toMatch(/^\s*\d+\.\d % {2}heart\n$/)
  expect(stderr).toBe('')
})

function node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
}

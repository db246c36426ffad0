/** Every program in `examples/` runs, with the built package, on a tiny model. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tinyModelFolder } from '../tiny-model.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let model: { path: string; remove(): void }

beforeAll(async () => {
  model = await tinyModelFolder()
  // Only dist/ is wanted; examples use whatever backend there is.
  expect(runNode(['scripts/setup.mjs', '--build'], { HENCE_NATIVE: 'off' }).status).toBe(0)
}, 600_000)

afterAll(() => model?.remove())

test.each(readdirSync(`${root}/examples`).filter(name => name.endsWith('.mjs')))('%s', name => {
  const { status, stdout, stderr } = runNode([`examples/${name}`, model.path])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).not.toBe('')
  expect(runNode([`examples/${name}`])).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining(`usage: node examples/${name}`),
  })
})

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

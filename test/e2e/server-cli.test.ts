import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tinyModelFolder } from '../tiny-model.ts'
import { hence } from './cli-process.ts'

let folder = { path: '', remove: (): void => {} }

beforeAll(async () => {
  folder = await tinyModelFolder()
})
afterAll(() => folder.remove())

describe('hence serve', () => {
  test('serves until Ctrl-C', async () => {
    const { code, stdout, stderr } = await hence(['serve', `tiny=${folder.path}`, '--port', '0'], { interruptAfter: 'Ctrl-C finishes' })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+ serves tiny\ncurl http:\/\/127\.0\.0\.1:\d+\/v1\/completions /)
    expect(stderr).toContain('"msg":"listening"')
    expect(stderr).toContain('finishing what is under way')
  })

  test('--json prints one document', async () => {
    const { code, stdout } = await hence(['serve', folder.path, '--port', '0', '--json', '--log', 'off'], { interruptAfter: '"language"' })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ url: expect.stringMatching(/^http:/), models: [{ kind: 'language', source: folder.path }] })
  })

  test.each([
    [['serve'], 'needs a model', 2],
    [['serve', 'x', '--port', '70000'], '--port must be a whole number', 2],
    [['serve', '/nonexistent/model.gguf'], 'nonexistent', 1],
  ])('%j', async (argv, message, code) => {
    expect(await hence(argv)).toMatchObject({ code, stderr: expect.stringContaining(message) })
  })

  test('refuses two models of one name, half a TLS pair, and to be open to everybody', async () => {
    const serve = (...flags: string[]) => hence(['serve', folder.path, '--port', '0', ...flags])
    expect(await serve(folder.path)).toMatchObject({ code: 2, stderr: expect.stringContaining('would both be served as') })
    expect(await serve('--tls-key', 'x')).toMatchObject({ code: 2, stderr: expect.stringContaining('go together') })
    expect(await serve('--host', '0.0.0.0')).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no API key') })
  })
})

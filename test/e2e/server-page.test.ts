import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildWeb } from '../../scripts/build-web.mjs'
import { type LanguageModel, type TensorModel, tensor } from '../../src/core/index.ts'
import { type RunningServer, serve } from '../../src/server/index.ts'
import { load, network } from '../../src/tasks/index.ts'
import { chromiumPath, openBrowser } from '../browser.ts'
import { tinyModelFolder } from '../tiny-model.ts'

const MAX_GZIPPED_BYTES = 60_000
/** Pictures of the page are left here when it is set. */
const shots = process.env['HENCE_SCREENSHOTS']

let page = ''
beforeAll(async () => {
  page = mkdtempSync(join(tmpdir(), 'hence-page-'))
  await buildWeb(page)
}, 120_000)
afterAll(() => rmSync(page, { recursive: true }))

test('the page is small and asks for nothing from elsewhere', () => {
  const files = (readdirSync(page, { recursive: true }) as string[])
    .filter(name => /\.\w+$/.test(name))
    .map(name => readFileSync(join(page, name)))
  expect(files.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0)).toBeLessThan(MAX_GZIPPED_BYTES)
  const text = files.join('\n').replaceAll(/http:\/\/www\.w3\.org\/[\w/]+/g, '')
  expect(text).not.toMatch(/(src|href|url\(|import\(|fetch\()\s*=?\s*["'`(]?(https?:)?\/\//)
})

describe('files', () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await serve({ models: { later: new Promise<LanguageModel>(() => {}) }, port: 0, page, apiKeys: ['k'] })
  })
  afterAll(() => server.close())

  test('are served without a key, compressed, under a strict policy, and again only when they change', async () => {
    const first = await fetch(`${server.url}/`)
    expect(first.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(first.headers.get('content-encoding')).toBe('gzip')
    expect(first.headers.get('content-security-policy')).toContain("script-src 'self'")
    const html = await first.text()
    expect((await fetch(`${server.url}/`, { headers: { 'if-none-match': first.headers.get('etag')! } })).status).toBe(304)
    const script = /src="\.(\/assets\/[^"]+)"/.exec(html)![1]!
    const asset = await fetch(server.url + script, { headers: { 'accept-encoding': 'identity' } })
    expect(asset.headers.get('cache-control')).toContain('immutable')
    expect(await asset.text()).toBe(readFileSync(join(page, script), 'utf8'))
  })

  test.each(['/assets/', '/assets/none.js', '/assets/..%2Findex.html', '/assets/%2e%2e/%2e%2e/package.json', '/index.html'])(
    '%s is not there',
    async path => {
      expect((await fetch(server.url + path, { headers: { authorization: 'Bearer k' } })).status).toBe(404)
    },
  )

  test('can be left out', async () => {
    await using bare = await serve({ models: { later: new Promise<LanguageModel>(() => {}) }, port: 0, page: false })
    expect((await fetch(`${bare.url}/`)).status).toBe(404)
    expect((await fetch(`${bare.url}/hence/status`)).status).toBe(404)
  })
})

describe.skipIf(!chromiumPath)('in a browser', () => {
  let browser: Browser | undefined
  let tab: Page
  let server: RunningServer
  let folder: { path: string; remove(): void }
  let models: Record<string, LanguageModel | TensorModel>
  let problems: string[] = []

  beforeAll(async () => {
    folder = await tinyModelFolder({ config: { max_position_embeddings: 1_024 } })
    const twice = network('twice')
    const x = twice.input('x', 'f32', ['batch', 2])
    twice.output('y', twice.op('Mul', [x, tensor('f32', [], Float32Array.of(2))]), 'f32', ['batch', 2])
    models = {
      tiny: await load(folder.path, { kind: 'language', backend: 'reference' }),
      twice: await twice.load({ backend: 'reference' }),
      shades: await shades(),
    }
    server = await serve({ models, port: 0, page })
    browser = await openBrowser()
    if (shots) mkdirSync(shots, { recursive: true })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await server.close()
    for (const model of Object.values(models)) await model[Symbol.asyncDispose]()
    folder.remove()
  })
  beforeEach(async () => {
    tab = await browser!.newPage({ viewport: { width: 1_000, height: 800 } })
    problems = []
    tab.on('pageerror', error => problems.push(error.message))
    tab.on('console', message => message.type() === 'error' && problems.push(message.text()))
    tab.on('request', request => request.url().startsWith(server.url) || request.url().startsWith('data:') || problems.push(request.url()))
  })
  afterEach(async () => {
    await tab.close()
    expect(problems).toEqual([])
  })

  const shoot = async (name: string): Promise<void> => {
    if (shots) await tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
  }

  test('chat: by keyboard alone, with speed, in the settings that were chosen', async () => {
    await tab.goto(server.url)
    await tab.getByRole('button', { name: 'Send' }).waitFor()
    await shoot('chat-empty')
    // The message has the focus from the start.
    await tab.keyboard.type('Hello')
    await tab.getByText('Settings', { exact: true }).click()
    await tab.getByLabel('Temperature').fill('0')
    await tab.getByLabel('Most tokens').fill('24')
    await tab.getByLabel('Message').focus()
    await tab.keyboard.press('Enter')
    await tab.getByText('24 tokens', { exact: true }).waitFor()
    const expected = await (models['tiny'] as LanguageModel)
      .chat([{ role: 'user', content: 'Hello' }], { temperature: 0, maxTokens: 24 })
      .done()
    expect(await tab.locator('.assistant .content').textContent()).toBe(expected.text)
    expect(await tab.locator('.assistant .stats').textContent()).toMatch(
      /^first token [\d.]+ m?s[\d.]+ tokens\/s24 tokenscut at the most tokens$/,
    )
    await tab.getByText('Settings', { exact: true }).click()
    await shoot('chat')
    await tab.keyboard.press('Escape')
    await tab.getByRole('button', { name: 'New' }).click()
    expect(await tab.locator('.messages li').count()).toBe(0)
  })

  test('chat: stopping stops the model', async () => {
    await tab.goto(server.url)
    await tab.getByText('Settings', { exact: true }).click()
    await tab.getByLabel('Most tokens').fill('900')
    await tab.getByLabel('Temperature').fill('0')
    await tab.getByLabel('Message').fill('Hello')
    await tab.keyboard.press('Enter')
    await tab.locator('.assistant .content:not(:empty)').waitFor()
    await tab.getByRole('button', { name: 'Stop' }).click()
    await tab.getByText('stopped', { exact: true }).waitFor()
    const model = models['tiny'] as LanguageModel
    await expect.poll(() => model.activity().running).toBe(0)
    await tab.getByRole('button', { name: 'Send' }).waitFor()
  })

  test('chat: a refusal of the server is told in its words', async () => {
    await tab.goto(server.url)
    await tab.getByLabel('Message').fill('x'.repeat(2_000))
    await tab.keyboard.press('Enter')
    await tab.getByText(/context/).waitFor()
    expect(problems.splice(0)).toEqual([expect.stringContaining('400')])
  })

  test('numbers: the request is prefilled, whole numbers stay exact, mistakes are told', async () => {
    await tab.goto(`${server.url}/#try`)
    await tab.getByLabel('Request, as').waitFor()
    const request = await tab.getByLabel('Request, as').inputValue()
    expect(JSON.parse(request)).toEqual({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [0, 0] }] })
    await tab.getByLabel('Request, as').fill(request.replace('[0, 0]', '[1.5, -2]'))
    await tab.getByRole('button', { name: 'Run' }).click()
    await tab.getByText('3  -4').waitFor()
    await shoot('try-numbers')
    await tab.getByLabel('Request, as').fill('{}')
    await tab.keyboard.press('Control+Enter')
    await tab.getByText('inputs must be an array').waitFor()
    expect(problems.splice(0)).toEqual([expect.stringContaining('400')])
  })

  test('pictures: drawn ones and files are classified', async () => {
    await tab.goto(`${server.url}/#try`)
    await tab.getByLabel('Model to try').selectOption('shades')
    const pad = tab.getByRole('img', { name: 'A white area to draw on' })
    const box = (await pad.boundingBox())!
    await tab.mouse.move(box.x + 40, box.y + 40)
    await tab.mouse.down()
    await tab.mouse.move(box.x + 200, box.y + 200, { steps: 5 })
    await tab.mouse.up()
    // Mostly white: the second class.
    await tab.getByRole('meter', { name: /^1: (9\d|100)/ }).waitFor()
    await shoot('try-picture')
    const black = await tab.evaluate(() => {
      const canvas = document.createElement('canvas')
      canvas.getContext('2d')!.fillRect(0, 0, 300, 150)
      return canvas.toDataURL('image/jpeg').split(',')[1]!
    })
    await tab.locator('input[type=file]').setInputFiles({ name: 'black.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(black, 'base64') })
    await tab.getByRole('meter', { name: /^0: (9\d|100)/ }).waitFor()
    await tab.locator('input[type=file]').setInputFiles({ name: 'x.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') })
    await tab.getByText('no picture that the browser can show').waitFor()
    await tab.getByRole('button', { name: 'Clear' }).click()
    await pad.waitFor()
  })

  test('models: memory and how long things take', async () => {
    await (
      await fetch(`${server.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'tiny', prompt: 'x', max_tokens: 5 }),
      })
    ).json()
    await tab.goto(`${server.url}/#models`)
    await tab.getByRole('heading', { name: 'tiny' }).waitFor()
    await tab
      .getByRole('img', { name: /^Memory: weights / })
      .first()
      .waitFor()
    await tab.getByRole('img', { name: /^First token of tiny: (once|\d+ times?)/ }).waitFor()
    await shoot('models')
  })

  test('the colours follow the system, or the choice, which is kept', async () => {
    const ground = (): Promise<string> => tab.evaluate(() => getComputedStyle(document.body).backgroundColor)
    await tab.emulateMedia({ colorScheme: 'dark' })
    await tab.goto(server.url)
    const dark = await ground()
    await shoot('chat-dark')
    await tab.emulateMedia({ colorScheme: 'light' })
    const light = await ground()
    expect(light).not.toBe(dark)
    await tab.getByLabel('Colours').selectOption('dark')
    await expect.poll(ground).toBe(dark)
    await tab.reload()
    expect(await ground()).toBe(dark)
  })

  test('everything that is pressed or filled in has a name, and is reached with Tab in sight', async () => {
    for (const view of ['chat', 'try', 'models']) {
      await tab.goto(`${server.url}/#${view}`)
      await tab.reload()
      await tab.getByRole('link', { name: 'Chat' }).waitFor()
      const nameless = await tab.evaluate(() =>
        [...document.querySelectorAll('button, input, select, textarea, a, meter, [role=img]')]
          .filter(element => !element.closest('[hidden]'))
          .filter(element => {
            const labels = 'labels' in element ? [...((element as HTMLInputElement).labels ?? [])] : []
            return ![element.getAttribute('aria-label'), element.textContent, ...labels.map(label => label.textContent)].some(text =>
              text?.trim(),
            )
          })
          .map(element => element.outerHTML),
      )
      expect(nameless).toEqual([])
    }
    await tab.goto(`${server.url}/#models`)
    await tab.reload()
    await tab.getByRole('heading', { name: 'tiny' }).waitFor()
    await tab.keyboard.press('Tab')
    expect(await tab.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to the content')
    await tab.keyboard.press('Enter')
    expect(await tab.evaluate(() => document.activeElement?.id)).toBe('main')
    expect(await tab.getByRole('link', { name: 'Models' }).getAttribute('aria-current')).toBe('page')
  })

  test('text has enough contrast in both colours', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme })
      await tab.goto(`${server.url}/#models`)
      await tab.reload()
      await tab.getByRole('heading', { name: 'tiny' }).waitFor()
      const contrasts = await tab.evaluate(() => {
        const parse = (colour: string): number[] => colour.match(/[\d.]+/g)!.map(Number)
        const luminance = (colour: string): number => {
          const [r, g, b] = parse(colour).map(value =>
            value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
          )
          return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
        }
        const groundOf = (element: Element | null): string => {
          for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor
            if (parse(colour)[3] !== 0) return colour
          }
          return 'rgb(255, 255, 255)'
        }
        return [...document.querySelectorAll('h1, h2, p, dt, dd, a, small, button, figcaption')].map(element => {
          const [a, b] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))]
          return { text: element.textContent?.slice(0, 30), contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }
        })
      })
      expect(contrasts.filter(({ contrast }) => contrast < 4.5)).toEqual([])
    }
  })

  test('on a telephone nothing sticks out', async () => {
    await tab.setViewportSize({ width: 360, height: 640 })
    for (const view of ['chat', 'try', 'models']) {
      await tab.goto(`${server.url}/#${view}`)
      await tab.reload()
      await tab.getByRole('status').getByText('Ready').waitFor()
      expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
      await shoot(`phone-${view}`)
    }
  })

  test('a key is asked for where the server wants one', async () => {
    await using keyed = await serve({ models: { tiny: models['tiny']! }, port: 0, page, apiKeys: ['right'] })
    const own = await browser!.newPage()
    await own.goto(keyed.url)
    await own.getByLabel('This server wants an API key').fill('wrong')
    await own.keyboard.press('Enter')
    await own.getByText('That key was not accepted.').waitFor()
    if (shots) await own.screenshot({ path: join(shots, 'key.png') })
    await own.getByLabel('This server wants an API key').fill('right')
    await own.keyboard.press('Enter')
    await own.getByRole('button', { name: 'Send' }).waitFor()
    await own.close()
  })
})

/** Tells dark pictures (class 0) from light ones (class 1). */
async function shades(): Promise<TensorModel> {
  const net = network('shades')
  const image = net.input('image', 'f32', ['batch', 3, 8, 8])
  const mean = net.op('ReduceMean', [image, tensor('i64', [3], BigInt64Array.of(1n, 2n, 3n))], { keepdims: 0 })
  const column = net.op('Unsqueeze', [mean, tensor('i64', [1], BigInt64Array.of(1n))])
  net.output('scores', net.softmax(net.op('MatMul', [column, tensor('f32', [1, 2], Float32Array.of(-5, 5))])), 'f32', ['batch', 2])
  return net.load({ backend: 'reference' })
}

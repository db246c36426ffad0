/** `hence doctor` names each problem with its fix; every problem is provoked. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findAddon } from '../../src/backends/index.ts'
import type { OptionalPackage, Problem } from '../../src/cli/diagnose.ts'
import { nodeProblem } from '../../src/cli/node-version.ts'
import { type CliOptions, hence } from './cli-process.ts'

interface Report {
  readonly backend: { readonly name: string; readonly attempts: readonly { readonly path: string; readonly failure?: string }[] }
  readonly hub: unknown
  readonly packages: readonly OptionalPackage[]
  readonly problems: readonly Problem[]
}

const folder = mkdtempSync(join(tmpdir(), 'hence-doctor-'))
const nativeAddon = findAddon().attempts.find(({ failure }) => failure === undefined)?.path
const hubEnv = { HF_HUB_CACHE: join(folder, 'hub'), HF_HOME: folder }

afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => vi.stubEnv('HENCE_CACHE', join(folder, 'cache')))
afterEach(() => vi.unstubAllEnvs())

async function doctor(env: CliOptions['env'] = {}): Promise<Report> {
  const { code, stdout, stderr } = await hence(['doctor', '--quick', '--json'], { env: { ...hubEnv, ...env } })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Report
}

/** The addon is looked for once per process, so each of these searches happens in modules of its own. */
async function doctorWithNative(native: string): Promise<Report> {
  vi.resetModules()
  vi.stubEnv('HENCE_NATIVE', native)
  const { hence: freshHence } = await import('./cli-process.ts')
  const { stdout } = await freshHence(['doctor', '--quick', '--json'], { env: hubEnv })
  return JSON.parse(stdout) as Report
}

async function problemsOf(area: Problem['area'], env?: CliOptions['env']): Promise<readonly Problem[]> {
  return (await doctor(env)).problems.filter(problem => problem.area === area)
}

test('where all is well, it says so', async () => {
  const { problems, hub } = await doctor()
  expect(problems.filter(({ area }) => area !== 'native backend')).toEqual([])
  expect(hub).toMatchObject({ endpoint: 'https://huggingface.co', hasToken: false, isOffline: false, folder: join(folder, 'hub') })
  if (nativeAddon) expect((await hence(['doctor', '--quick'], { env: hubEnv })).stdout).toContain('problems: none')
})

test('an old Node, by the version that package.json asks for', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { engines: { node: string } }
  const oldest = engines.node.replace('>=', '')
  expect(nodeProblem(`${oldest}.0`)).toBeUndefined()
  expect(nodeProblem('22.0.0')).toBeUndefined()
  for (const version of ['18.20.8', '20.18.3', '0.12.0'])
    expect(nodeProblem(version)).toEqual({
      problem: `Hence needs Node ${oldest} or newer, and this is ${version}`,
      fix: expect.stringContaining('nvm'),
    })
})

describe('the native backend', () => {
  async function nativeProblem(native: string): Promise<Problem> {
    const { backend, problems } = await doctorWithNative(native)
    expect(backend.name).toBe('reference')
    return problems.find(({ area }) => area === 'native backend')!
  }

  test('switched off', async () => {
    expect(await nativeProblem('off')).toMatchObject({ fix: 'unset HENCE_NATIVE', problem: expect.stringContaining('switched off') })
  })

  test('a file that is not there, is damaged, or is no addon', async () => {
    const missing = join(folder, 'missing.node')
    expect(await nativeProblem(missing)).toMatchObject({ fix: 'correct or unset HENCE_NATIVE', problem: expect.stringContaining(missing) })
    const damaged = join(folder, 'damaged.node')
    writeFileSync(damaged, 'no object file')
    expect((await nativeProblem(damaged)).fix).toMatch(/correct or unset HENCE_NATIVE \(it is damaged or for another machine/)
  })

  test.runIf(nativeAddon && process.platform === 'linux')('for another machine, and for a newer C library', async () => {
    const bytes = readFileSync(nativeAddon!)
    const foreign = Buffer.from(bytes)
    // The machine of an ELF file: AArch64 and x86-64 are 183 and 62.
    foreign.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18)
    writeFileSync(join(folder, 'foreign.node'), foreign)
    expect((await nativeProblem(join(folder, 'foreign.node'))).fix).toContain('for another machine')

    const newer = Buffer.from(bytes)
    const at = newer.indexOf('GLIBC_2.')
    newer.write('GLIBC_9.', at, 'latin1')
    for (let next = newer.indexOf('GLIBC_2.'); next >= 0; next = newer.indexOf('GLIBC_2.', next)) newer.write('GLIBC_9.', next, 'latin1')
    writeFileSync(join(folder, 'newer.node'), newer)
    const { problem, fix } = await nativeProblem(join(folder, 'newer.node'))
    expect(problem).toContain('GLIBC_9.')
    expect(fix).toContain('for another C library')
  })

  test('without a compiler, --fix says what to install', async () => {
    vi.stubEnv('CXX', 'no-such-compiler')
    const { code, stderr } = await hence(['doctor', '--fix'])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^hence: the native backend cannot be compiled here: no C\+\+ compiler found\. .*(apt install g\+\+|xcode-select)/,
    )
  })
})

describe('the cache', () => {
  test('switched off', async () => {
    vi.stubEnv('HENCE_CACHE', 'off')
    expect(await problemsOf('cache')).toMatchObject([{ fix: 'unset HENCE_CACHE' }])
  })

  test('below a file, and where nothing can be written', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    vi.stubEnv('HENCE_CACHE', join(file, 'deeper'))
    expect(await problemsOf('cache')).toMatchObject([{ problem: `${file} is no folder`, fix: expect.stringContaining('set HENCE_CACHE') }])
    if (process.platform !== 'linux') return
    vi.stubEnv('HENCE_CACHE', '/proc/self')
    expect(await problemsOf('cache')).toMatchObject([{ problem: expect.stringContaining('/proc/self cannot be written') }])
  })
})

describe('the hub', () => {
  const token = 'hf_secretsecretsecret'

  test('an address that is none', async () => {
    const problems = await problemsOf('hub', { HF_ENDPOINT: 'huggingface.co' })
    expect(problems).toMatchObject([{ problem: expect.stringContaining('HF_ENDPOINT'), fix: expect.stringContaining('Unset HF_ENDPOINT') }])
  })

  test('a token that would be sent in the open; not to this machine itself', async () => {
    const problems = await problemsOf('hub', { HF_ENDPOINT: 'http://mirror.example', HF_TOKEN: token })
    expect(problems).toMatchObject([{ fix: expect.stringContaining('https://') }])
    expect(JSON.stringify(problems)).not.toContain(token)
    expect(await problemsOf('hub', { HF_ENDPOINT: 'http://127.0.0.1:8080', HF_TOKEN: token })).toEqual([])
    expect(await problemsOf('hub', { HF_ENDPOINT: 'http://mirror.example' })).toEqual([])
  })

  test('a token with quotes; it is not shown', async () => {
    const problems = await problemsOf('hub', { HF_TOKEN: `"${token} "` })
    expect(problems).toMatchObject([{ problem: expect.stringContaining('HF_TOKEN'), fix: expect.stringContaining('without quotes') }])
    expect(JSON.stringify(problems)).not.toContain(token)
  })

  test('the host that a token goes to is shown, the token is not', async () => {
    const { stdout } = await hence(['doctor', '--quick'], {
      env: { ...hubEnv, HF_ENDPOINT: 'https://mirror.example/hub', HF_TOKEN: token },
    })
    expect(stdout).toMatch(/token +there is one; it goes to mirror\.example only/)
    expect(stdout).not.toContain(token)
  })

  test('offline, and a cache that cannot be written', async () => {
    expect(await problemsOf('hub', { HF_HUB_OFFLINE: '1' })).toMatchObject([{ fix: 'unset it to fetch models' }])
    const file = join(folder, 'hub-file')
    writeFileSync(file, '')
    expect(await problemsOf('hub', { HF_HUB_CACHE: file })).toMatchObject([{ fix: expect.stringContaining('set HF_HUB_CACHE') }])
  })
})

test('packages that are used where installed', async () => {
  const { packages } = await doctor()
  expect(packages.map(({ name }) => name)).toEqual(['sharp', '@dagrejs/dagre'])
  for (const { name, isThere, fix } of packages) expect(fix).toBe(isThere ? null : `npm install ${name}`)
})

/**
 * Makes what would be published: `node scripts/make-packages.mjs [FOLDER]`, build/packages by default.
 *
 * - `npm/PLATFORM/` is filled for this machine: a package with the compiled addon and nothing else;
 * - the package of every platform filled so far is packed, and `hence` itself with those as optional dependencies. So npm
 *   installs the one that fits, without running a script and without a compiler.
 *
 * Prints the tarballs, `hence` last.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nativeAddonPath } from './build-native.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const platformsFolder = join(root, 'npm')
const out = resolve(process.argv[2] ?? join(root, 'build', 'packages'))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const own = fillPlatform()
mkdirSync(out, { recursive: true })
const platforms = filledPlatforms()
const tarballs = [...platforms.map(({ folder }) => pack(folder)), packHence(platforms)]
if (!own) console.error('make-packages: without the package of this platform, since there is no addon; npm run build:native makes it')
console.log(tarballs.join('\n'))

/** @returns whether there is an addon to fill it with */
function fillPlatform() {
  const addon = nativeAddonPath()
  if (!existsSync(addon)) return false
  const platform = basename(addon, '.node')
  const [os, cpu, libc] = platform.split('-')
  const folder = join(platformsFolder, platform)
  const { version, license, engines } = manifest
  const description = `The native backend of Hence for ${platform}. Installed with hence; nothing to import.`
  const libcs = os === 'linux' ? { libc: [libc ?? 'glibc'] } : {}
  const files = ['hence.node']
  const main = files[0]
  const own = { name: `@hence/native-${platform}`, version, description, license, main, files, engines, os: [os], cpu: [cpu], ...libcs }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`)
  writeFileSync(join(folder, 'README.md'), `# ${own.name}\n\n${description}\n`)
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  copyFileSync(addon, join(folder, main))
  return true
}

/** Platforms whose package is of this version; others are left over from an earlier one. */
function filledPlatforms() {
  return readdirSync(platformsFolder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => join(platformsFolder, entry.name))
    .map(folder => ({ folder, ...JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
    .filter(({ version }) => version === manifest.version)
}

/** The optional dependencies exist only in what is published: a checkout compiles its own addon. */
function packHence(platforms) {
  const stage = mkdtempSync(join(tmpdir(), 'hence-pack-'))
  try {
    // The addon is taken as it is: whoever makes a release has compiled it before.
    run('npm', ['run', '--silent', 'prepack'], root, { ...process.env, HENCE_NATIVE: 'off' })
    run('tar', ['-xzf', pack(root, stage), '-C', stage], root)
    const path = join(stage, 'package', 'package.json')
    const { devDependencies, scripts, ...published } = JSON.parse(readFileSync(path, 'utf8'))
    const optionalDependencies = Object.fromEntries(platforms.map(({ name, version }) => [name, version]))
    writeFileSync(path, `${JSON.stringify({ ...published, optionalDependencies }, null, 2)}\n`)
    return pack(join(stage, 'package'))
  } finally {
    rmSync(stage, { recursive: true })
  }
}

/** @returns the path of the tarball */
function pack(folder, into = out) {
  const args = ['pack', folder, '--json', '--ignore-scripts', '--pack-destination', into]
  const answer = JSON.parse(run('npm', args, root))
  // An array, or since npm 12 an object by names.
  const [{ filename }] = Object.values(answer)
  return join(into, filename.replace('@', '').replace('/', '-'))
}

function run(program, args, cwd, env = process.env) {
  const { status, stdout, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status === 0) return stdout
  throw new Error(`make-packages: ${program} ${args[0]} ended with ${status ?? error}`)
}

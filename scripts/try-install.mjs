/**
 * Installs Hence as a user does, from tarballs into empty projects outside the repository, and does what the README says:
 *
 *   node scripts/try-install.mjs [--compile]
 *
 * - with the package of this platform: commands, the library's examples, types under NodeNext, the server;
 * - from plain `npm pack`, without compiler and platform package: the same answers from the TypeScript backend, and doctor
 *   names what is missing;
 * - from plain `npm pack` with a compiler, `hence doctor --fix`. The compiler only pretends, and gives the addon that there
 *   is; with --compile it is that of this machine, which takes minutes.
 *
 * Uses the network for nothing but npm's registry.
 */
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { nativeAddonPath, whyNotBuildable } from './build-native.mjs'
import { readmeBlocks } from './readme-blocks.mjs'

const MAX_TARBALL_BYTES = 8e6
const READY_MS = 60_000
const WANTED = ['dist/index.js', 'dist/index.d.ts', 'dist/server/index.d.ts', 'dist/cli/main.js', 'dist/web/index.html']
const WANTED_TOO = [
  'models/shapes/shapes.onnx',
  'models/storyteller/storyteller.gguf',
  'native/addon.cc',
  'scripts/build-native.mjs',
  'LICENSE',
  'README.md',
]
const UNWANTED = /\.test\.|^(src|test|bench|web|build|docs|node_modules)\/|native\/test\/|\.map$|(?<!\.d)\.ts$|\.py$/

/** What the README asks of the network it names. */
const SMOKERS = `network smokers {}
variable smoke { type discrete [ 2 ] { yes, no }; }
variable lung { type discrete [ 2 ] { yes, no }; }
variable xray { type discrete [ 2 ] { yes, no }; }
probability ( smoke ) { table 0.5, 0.5; }
probability ( lung | smoke ) { (yes) 0.1, 0.9; (no) 0.01, 0.99; }
probability ( xray | lung ) { (yes) 0.98, 0.02; (no) 0.05, 0.95; }
`

const SERVER = `import { type LanguageModel, load, type TensorModel } from 'hence'
import { type RunningServer, serve } from 'hence/server'

export async function both(): Promise<RunningServer> {
  const language: LanguageModel = await load('model.gguf', { kind: 'language' })
  const tensor: TensorModel = await load('squeezenet.onnx', { kind: 'tensor' })
  return serve({ models: { language, tensor }, port: 0 })
}
`

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'hence-install-'))
const noCompiler = { CXX: 'no-such-compiler' }

try {
  const packages = run(process.execPath, [join(root, 'scripts', 'make-packages.mjs'), join(scratch, 'release')])
    .stdout.trim()
    .split('\n')
  checkContents(packages.at(-1))
  const model = join(scratch, 'model.gguf')
  run(process.execPath, [join(root, 'scripts', 'tiny-model.mjs'), model])
  const hasAddon = existsSync(nativeAddonPath())

  const whole = install('with-platform-package', packages, model)
  const { backend } = doctor(whole)
  if (hasAddon && backend.name !== 'native') fail(`the package of this platform is not used: ${JSON.stringify(backend)}`)
  const answers = await useAsReadmeSays(whole, process.env)
  checkTypes(whole)

  const packed = join(scratch, 'packed')
  mkdirSync(packed)
  run('npm', ['pack', root, '--ignore-scripts', '--pack-destination', packed])
  const plain = install('plain', [join(packed, readdirSync(packed)[0])], model)
  const diagnosis = doctor(plain, noCompiler)
  const problem = diagnosis.problems.find(({ area }) => area === 'native backend')
  if (diagnosis.backend.name !== 'reference' || !problem?.fix.startsWith('no C++ compiler found')) fail(JSON.stringify(diagnosis))
  if (hence(plain, ['doctor', '--fix'], noCompiler, 1).stderr.split('\n').length !== 3) fail('doctor --fix says something else')
  const slow = await useAsReadmeSays(plain, { ...process.env, ...noCompiler })
  // The language model's weights are random, so only the picture's class has to be the same.
  if (slow.shape !== answers.shape) fail(`the backends disagree: ${answers.shape} and ${slow.shape}`)

  const isReal = process.argv.includes('--compile') && whyNotBuildable() === undefined
  if (isReal || hasAddon) {
    timed('hence doctor --fix', () => hence(plain, ['doctor', '--fix'], isReal ? {} : { CXX: pretendCompiler() }))
    const after = doctor(plain)
    if (after.backend.name !== 'native') fail(`the compiled backend is not used: ${JSON.stringify(after.backend)}`)
  }
  console.log('try-install: all of it works')
} finally {
  rmSync(scratch, { recursive: true })
}

function checkContents(tarball) {
  const files = run('tar', ['-tzf', tarball])
    .stdout.trim()
    .split('\n')
    .map(name => name.replace(/^package\//, ''))
  const missing = [...WANTED, ...WANTED_TOO].filter(name => !files.includes(name))
  const unwanted = files.filter(name => UNWANTED.test(name))
  const { size } = statSync(tarball)
  console.log(`tarball: ${(size / 1e6).toFixed(2)} MB, ${files.length} files`)
  if (missing.length > 0) fail(`the package lacks ${missing.join(', ')}`)
  if (unwanted.length > 0) fail(`the package has ${unwanted.slice(0, 5).join(', ')}`)
  if (size > MAX_TARBALL_BYTES) fail(`the package has ${size} bytes, more than ${MAX_TARBALL_BYTES}`)
}

/** An empty project with Hence in it. */
function install(name, tarballs, model) {
  const project = join(scratch, name)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
  timed(`npm install, ${name}`, () => run('npm', ['install', '--prefer-offline', '--loglevel=error', ...tarballs], { cwd: project }))
  console.log(
    `installed: hence ${megabytes(join(project, 'node_modules', 'hence'))}, everything ${megabytes(join(project, 'node_modules'))}`,
  )
  // What the README's commands and examples name.
  copyFileSync(model, join(project, 'model.gguf'))
  symlinkSync(join('node_modules', 'hence', 'models'), join(project, 'models'))
  copyFileSync(join(project, 'models', 'shapes', 'shapes.onnx'), join(project, 'squeezenet.onnx'))
  writeFileSync(join(project, 'asia.bif'), SMOKERS)
  return project
}

function megabytes(folder) {
  return `${(Number.parseInt(run('du', ['-sk', folder]).stdout, 10) / 1e3).toFixed(1)} MB`
}

/** Takes the arguments of a compiler, and links the addon that there is. */
function pretendCompiler() {
  const path = join(scratch, 'pretend-compiler')
  const script = `#!/bin/sh
out=; link=
while [ $# -gt 0 ]; do
  case $1 in -o) out=$2; shift ;; -shared) link=1 ;; esac
  shift
done
if [ -z "$out" ]; then exit 0; fi
if [ -n "$link" ]; then cp '${nativeAddonPath()}' "$out"; else : > "$out"; fi
`
  writeFileSync(path, script, { mode: 0o755 })
  return path
}

function doctor(project, env = {}) {
  return JSON.parse(hence(project, ['doctor', '--quick', '--json'], env).stdout)
}

async function useAsReadmeSays(project, env) {
  let shape = ''
  for (const { code } of readmeBlocks('sh')) {
    for (const line of code.split('\n').filter(command => command.startsWith('hence '))) {
      const command = line.replace(/ {2,}#.*/, '')
      if (/ [\w-]+\/[\w.-]+:\w+$/.test(command)) continue // A model of the hub.
      console.log(`$ npx ${command}`)
      if (/^hence serve /.test(command)) await serve(project, `${command} --port 0 --json --log off`, env)
      else {
        // A load test says as much of a few tokens as of many.
        const load = command.startsWith('hence bench ') ? ' --input-tokens 16 --output-tokens 4' : ''
        const { stdout } = run('bash', ['-c', `npx ${command}${load}`], { cwd: project, env })
        if (stdout.trim() === '') fail(`${command} prints nothing`)
        if (command.includes('heart.png')) shape = /\bheart\b/.exec(stdout)?.[0] ?? fail(`${command} says ${stdout}`)
      }
    }
  }
  const examples = readmeBlocks('ts')
  for (const [index, { heading, code }] of examples.entries()) {
    const name = `example-${index}`
    writeFileSync(join(project, `${name}.ts`), code)
    const { outputText } = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
    writeFileSync(join(project, `${name}.mjs`), outputText)
    console.log(`$ node ${name}.mjs   # ${heading}`)
    if (run(process.execPath, [`${name}.mjs`], { cwd: project, env }).stdout.trim() === '') fail(`${name} prints nothing:\n${code}`)
  }
  return { shape }
}

/** The declarations of Hence themselves are checked too. */
function checkTypes(project) {
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true })
  for (const name of ['@types/node', 'undici-types']) linkPackage(project, name)
  writeFileSync(join(project, 'server.ts'), SERVER)
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    noEmit: true,
    types: ['node'],
    lib: ['es2023', 'esnext.disposable'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], { cwd: project })
}

function linkPackage(project, name) {
  const path = join(project, 'node_modules', name)
  if (!existsSync(path)) symlinkSync(join(root, 'node_modules', name), path)
}

async function serve(project, command, env) {
  const [name, ...args] = command.split(' ')
  const child = spawn(join(project, 'node_modules', '.bin', name), args, { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => child.on('exit', code => resolve(code)))
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS)
  let output = ''
  const url = await Promise.race([
    new Promise(resolve => {
      child.stdout.setEncoding('utf8').on('data', text => {
        output += text
        const found = /"url": "([^"]+)"/.exec(output)
        if (found) resolve(found[1])
      })
    }),
    ended.then(code => fail(`${command} ended with ${code} before it served`)),
  ])
  const page = await (await fetch(url)).text()
  if (!page.includes('<title>')) fail('there is no page')
  const body = JSON.stringify({ model: 'model', prompt: 'Once upon a time', max_tokens: 4 })
  const answer = await fetch(`${url}/v1/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (!answer.ok) fail(`${url} answers ${answer.status}: ${await answer.text()}`)
  await answer.text()
  child.kill('SIGINT')
  const code = await ended
  clearTimeout(timer)
  if (code !== 0) fail(`${command} ended with ${code}`)
}

function hence(project, args, env = {}, expected = 0) {
  return run(join(project, 'node_modules', '.bin', 'hence'), args, { cwd: project, env: { ...process.env, ...env }, expected })
}

function run(program, args, { cwd = scratch, env = process.env, expected = 0 } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (status === expected) return { stdout, stderr }
  return fail(`${program} ${args.join(' ')} ended with ${status ?? error}\n${stdout}${stderr}`)
}

function timed(what, work) {
  const begin = performance.now()
  work()
  console.log(`${what}: ${((performance.now() - begin) / 1e3).toFixed(1)} s`)
}

function fail(message) {
  throw new Error(`try-install: ${message}`)
}

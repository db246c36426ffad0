import { spawn } from 'node:child_process'
import { type AddonSearch, findAddon, targets } from '../backends/index.ts'
import { HenceError } from '../core/index.ts'
import type { HubSettings } from '../hub/index.ts'
import { cacheReport, cacheText, clearCacheReport } from './cache-report.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import {
  buildScript,
  compilingProblem,
  diagnose,
  type OptionalPackage,
  optionalPackages,
  type Problem,
  readableHubSettings,
} from './diagnose.ts'
import { switchFlag, usageError } from './flags.ts'
import { formatBandwidth, formatBytes, formatOperations } from './format.ts'
import type { Io } from './io.ts'
import { type Machine, machineOf } from './machine.ts'
import { measureMachine, type Speeds } from './measure-machine.ts'
import { section, tableLines } from './table.ts'
import { styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  quick: switchFlag('measures nothing'),
  fix: switchFlag('compiles the native backend on this machine, instead of looking'),
  cache: switchFlag('lists the packed weights kept on disk, instead of the machine'),
  clear: switchFlag('with --cache: deletes them'),
}

export const doctorCommand: Command = defineCommand({
  name: 'doctor',
  summary: 'shows what this machine can do, every problem, and what would help',
  usage: 'doctor',
  flags: FLAGS,
  notes: ['It asks the network nothing and changes nothing, except with --fix and --clear.'],
  examples: ['hence doctor', 'hence doctor --fix', 'hence doctor --cache', 'hence doctor --cache --clear'],
  run,
})

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  if (positionals.length > 0) throw usageError(`hence doctor takes no arguments, got "${positionals.join(' ')}"`)
  if (flags.clear && !flags.cache) throw usageError('--clear goes with --cache', { hint: 'hence doctor --cache --clear' })
  if (flags.fix && flags.cache) throw usageError('--fix and --cache do different things', { hint: 'hence doctor --fix' })
  if (flags.fix) return compileNative(io, flags.json)
  if (flags.cache) {
    const report = flags.clear ? await clearCacheReport() : await cacheReport()
    if (flags.json) writeJson(io, report)
    else io.stdout.write(cacheText(report))
    return EXIT.ok
  }
  const machine = machineOf()
  const search = findAddon()
  const problems = await diagnose(search, io.env)
  const speeds = search.addon && !flags.quick ? await measureMachine(machine) : undefined
  const cache = await cacheReport().catch(() => ({ folder: null, bytes: 0 }))
  const packages = await optionalPackages()
  const hub = await readableHubSettings(io.env)
  if (flags.json) {
    const known = targets()
    const backend = { name: search.addon ? 'native' : 'reference', target: known[0] ?? null, targets: known, attempts: search.attempts }
    const { endpoint, token, isOffline, cacheFolder } = hub ?? {}
    const hubState = hub && { endpoint, hasToken: token !== undefined, isOffline, folder: cacheFolder }
    const { folder, bytes } = cache
    writeJson(io, { machine, backend, speeds: speeds ?? null, cache: { folder, bytes }, hub: hubState ?? null, packages, problems })
    return EXIT.ok
  }
  const { bold } = styleOf(io.stdout, io.env)
  const sections = [
    section(bold('machine'), machineLines(machine)),
    section(bold('backend'), backendLines(search)),
    ...(speeds ? [section(bold('speed, measured now'), speedLines(speeds))] : []),
    section(bold('cache of packed weights'), [
      cache.folder === null ? 'none' : `${cache.folder}  ${formatBytes(cache.bytes)}; \`hence doctor --cache\` lists it`,
    ]),
    ...(hub ? [section(bold('hub'), hubLines(hub))] : []),
    section(bold('packages that are used where installed'), packageLines(packages)),
    section(bold(problems.length === 0 ? 'problems: none' : 'problems'), problems.flatMap(problemLines)),
  ]
  io.stdout.write(sections.join('\n'))
  return EXIT.ok
}

/** In a process of its own, because it is the same script that a checkout is set up with. */
async function compileNative(io: Io, isJson: boolean): Promise<number> {
  const obstacle = await compilingProblem()
  if (obstacle !== undefined)
    throw new HenceError('BACKEND_UNAVAILABLE', `the native backend cannot be compiled here: ${obstacle}`, {
      hint: 'Do what the message says, then run `hence doctor --fix` again; until then Hence computes in TypeScript.',
    })
  // Where CI is set, the script takes a compiler's warnings for errors.
  const child = spawn(process.execPath, [buildScript()], { env: { ...process.env, CI: '' }, stdio: ['ignore', 'ignore', 'pipe'] })
  io.stderr.write('hence: compiling the native backend; this takes a few minutes\n')
  child.stderr.on('data', chunk => io.stderr.write(String(chunk)))
  const code = await new Promise<number | null>(resolve => child.on('close', resolve))
  if (isJson) writeJson(io, { isCompiled: code === 0 })
  return code === 0 ? EXIT.ok : EXIT.failed
}

function backendLines({ addon, attempts }: AddonSearch): string[] {
  const known = targets()
  const rows = [
    ['in use', addon ? `native (${known[0]})` : 'reference: plain TypeScript, for small models only'],
    ['instruction sets', addon ? known.join(', ') : 'none without the native backend'],
  ]
  const tried = attempts.map(
    ({ path, failure }) => `${failure === undefined ? '✓' : '✗'} ${path}${failure === undefined ? '' : `: ${failure}`}`,
  )
  return [...tableLines(rows), ...tried]
}

function hubLines({ endpoint, token, isOffline, cacheFolder }: HubSettings): string[] {
  return tableLines([
    ['address', isOffline ? 'not used: offline' : endpoint],
    ['token', token === undefined ? 'none: only what is open to everybody' : `there is one; it goes to ${new URL(endpoint).host} only`],
    ['models', cacheFolder],
  ])
}

function packageLines(packages: readonly OptionalPackage[]): string[] {
  return packages.map(({ name, gives, fix }) => (fix === null ? `✓ ${name}` : `– ${name} ${gives}: ${fix}`))
}

function problemLines({ area, problem, fix }: Problem): string[] {
  return [`✗ ${area}: ${problem}`, `  fix: ${fix}`]
}

function machineLines({ node, platform, cpu, cores, memoryBytes, availableBytes }: Machine): string[] {
  return tableLines([
    ['node', `${node}, ${platform}`],
    ['processor', `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'} for this process`],
    ['memory', `${formatBytes(memoryBytes)}, ${formatBytes(availableBytes)} of it available`],
  ])
}

function speedLines({ bytes, threads, bandwidth, bandwidthOneThread, exact, fast }: Speeds): string[] {
  const rows = [
    ['reading memory', `${formatBandwidth(bandwidth)} with ${threads} threads, ${formatBandwidth(bandwidthOneThread)} with 1`],
    ['arithmetic, exact', `${formatOperations(exact)}/s`],
    ['arithmetic, fast', `${formatOperations(fast)}/s`],
  ]
  return [...tableLines(rows), `(the best of three passes over ${formatBytes(bytes)}; other programs make these smaller)`]
}

import { cacheFolder, findAddon, targets } from '../backends/index.ts'
import { cacheReport, cacheText, clearCacheReport } from './cache-report.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { switchFlag, usageError } from './flags.ts'
import { formatBandwidth, formatBytes, formatOperations } from './format.ts'
import { type Machine, machineOf } from './machine.ts'
import { measureMachine, type Speeds } from './measure-machine.ts'
import { section, tableLines } from './table.ts'
import { styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  quick: switchFlag('measures nothing'),
  cache: switchFlag('lists the packed weights kept on disk, instead of the machine'),
  clear: switchFlag('with --cache: deletes them'),
}

export const doctorCommand: Command = defineCommand({
  name: 'doctor',
  summary: 'shows what this machine can do, and what would help',
  usage: 'doctor',
  flags: FLAGS,
  examples: ['hence doctor', 'hence doctor --cache', 'hence doctor --cache --clear'],
  run,
})

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  if (positionals.length > 0) throw usageError(`hence doctor takes no arguments, got "${positionals.join(' ')}"`)
  if (flags.clear && !flags.cache) throw usageError('--clear goes with --cache', { hint: 'hence doctor --cache --clear' })
  if (flags.cache) {
    const report = flags.clear ? await clearCacheReport() : await cacheReport()
    if (flags.json) writeJson(io, report)
    else io.stdout.write(cacheText(report))
    return EXIT.ok
  }
  const machine = machineOf()
  const { addon, attempts, fix } = findAddon()
  const speeds = addon && !flags.quick ? await measureMachine(machine) : undefined
  const cache = await cacheReport()
  const known = targets()
  const fixes = fixesFor({ fix, hasCache: cacheFolder() !== undefined })
  if (flags.json) {
    const backend = { name: addon ? 'native' : 'reference', target: known[0] ?? null, targets: known, attempts }
    writeJson(io, { machine, backend, speeds: speeds ?? null, cache: { folder: cache.folder, bytes: cache.bytes }, fixes })
    return EXIT.ok
  }
  const { bold } = styleOf(io.stdout, io.env)
  const sections = [
    section(bold('machine'), machineLines(machine)),
    section(bold('backend'), [
      ...tableLines([
        ['in use', addon ? `native (${known[0]})` : 'reference: plain TypeScript, for small models only'],
        ['instruction sets', addon ? known.join(', ') : 'none without the native backend'],
      ]),
      ...attempts.map(({ path, failure }) => `${failure === undefined ? '✓' : '✗'} ${path}${failure === undefined ? '' : `: ${failure}`}`),
    ]),
    ...(speeds ? [section(bold('speed, measured now'), speedLines(speeds))] : []),
    section(bold('cache of packed weights'), [
      cache.folder === null ? 'off: HENCE_CACHE=off' : `${cache.folder}  ${formatBytes(cache.bytes)}; \`hence doctor --cache\` lists it`,
    ]),
    section(bold('fixes'), fixes.length > 0 ? fixes : ['nothing to fix']),
  ]
  io.stdout.write(sections.join('\n'))
  return EXIT.ok
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

function fixesFor({ fix, hasCache }: { fix: string | undefined; hasCache: boolean }): string[] {
  return [
    ...(fix ? [`for the native backend, tens of times faster: ${fix}`] : []),
    ...(hasCache ? [] : ['for instant second starts: unset HENCE_CACHE']),
  ]
}

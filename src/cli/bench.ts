import { randomInt } from 'node:crypto'
import { packageVersion } from '../core/index.ts'
import { detailsOf, reportOf, runLoad, warmUp } from '../eval/index.ts'
import { type BenchPoint, curveSvg } from './bench-curve.ts'
import { BENCH_FLAGS } from './bench-flags.ts'
import { benchPage } from './bench-page.ts'
import { benchProgress } from './bench-progress.ts'
import { pointName, reportLines } from './bench-report.ts'
import { type BenchSetup, lengthsOf, openBench } from './bench-target.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { usageError } from './flags.ts'
import { formatCount, formatPlural } from './format.ts'
import { styleOf, writeJson } from './terminal.ts'
import { checkFolderOf, writeText } from './write-text.ts'

export const benchCommand: Command = defineCommand({
  name: 'bench',
  summary: 'measures throughput and latency under load, of a model here or of any server with the OpenAI API',
  usage: 'bench MODEL|URL',
  flags: BENCH_FLAGS,
  notes: [
    'With --concurrency each user asks again once answered; with --rate requests come whatever happens to earlier ones, and',
    'waiting counts as latency; with both, at most so many are under way. Ctrl-C ends with what was measured so far.',
    'The exit code is 1 when no request was answered.',
  ],
  examples: [
    'hence bench model.gguf --concurrency 1,2,4,8',
    'hence bench http://127.0.0.1:8000 --rate 1,2,4 --input-tokens 512 --output-tokens 128 --html report.html',
    'hence bench http://127.0.0.1:8000 --dataset questions.jsonl --concurrency 8 --goodput ttft:500,tpot:50 --json',
  ],
  run,
})

type BenchCall = Call<typeof BENCH_FLAGS>

/** How one point of a sweep puts its target under load. */
interface PointPlan {
  readonly concurrency: number | undefined
  readonly rate: number | undefined
  readonly requests: number
  readonly warmup: number
}

async function run({ flags, positionals, io }: BenchCall): Promise<number> {
  const [source, extra] = positionals
  if (source === undefined || extra !== undefined)
    throw usageError('hence bench takes one model or one URL', { hint: 'hence bench MODEL|URL; see `hence help bench`.' })
  const plans = plansOf(flags)
  for (const path of [flags.output, flags.svg, flags.html]) if (path !== undefined) await checkFolderOf(path)
  const seed = flags.seed ?? randomInt(2 ** 32)
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  const { signal } = controller
  const points: BenchPoint[] = []
  try {
    await using setup = await openBench({ source, flags, seed, io, signal })
    await measureAll(plans, setup, points, { flags, io, seed, signal })
    const notes = [...setup.notes, ...repetition(plans, setup)]
    const document = documentOf(setup, notes, points, flags, seed, signal.aborted)
    if (flags.output !== undefined) await writeText(flags.output, `${JSON.stringify(document, undefined, 2)}\n`)
    if (flags.svg !== undefined) await writeText(flags.svg, curveSvg(setup.target, points))
    if (flags.html !== undefined) await writeText(flags.html, benchPage(setup.target, points, document))
    if (flags.json) writeJson(io, document)
    else
      io.stdout.write(
        reportLines(setup.target, notes, points, styleOf(io.stdout, io.env), signal.aborted)
          .map(line => `${line}\n`)
          .join(''),
      )
  } finally {
    stopListening()
  }
  if (signal.aborted) return EXIT.interrupted
  return points.every(({ report }) => report.completed === 0) ? EXIT.failed : EXIT.ok
}

function plansOf(flags: BenchCall['flags']): PointPlan[] {
  const { concurrency, rate, requests, warmup } = flags
  if (rate === undefined)
    return (concurrency ?? [1]).map(users => ({
      concurrency: users,
      rate: undefined,
      requests: requests ?? Math.max(16, 8 * users),
      warmup: warmup ?? Math.min(8, users),
    }))
  if (concurrency !== undefined && concurrency.length > 1)
    throw usageError('a sweep goes over --concurrency or --rate; beside --rate, --concurrency is one number', { flag: 'concurrency' })
  return rate.map(perSecond => ({ concurrency: concurrency?.[0], rate: perSecond, requests: requests ?? 100, warmup: warmup ?? 1 }))
}

/** Measures one point after the other, each with prompts of its own; stops when the signal fires. */
async function measureAll(
  plans: readonly PointPlan[],
  { target, requests }: BenchSetup,
  points: BenchPoint[],
  { flags, io, seed, signal }: Pick<BenchCall, 'flags' | 'io'> & { readonly seed: number; readonly signal: AbortSignal },
): Promise<void> {
  let used = 0
  for (const [index, plan] of plans.entries()) {
    const progress = benchProgress(io, flags.json, { of: plan.requests, name: pointName(plan), index, points: plans.length })
    try {
      const first = used
      await warmUp(target, at => requests(first + at), plan.warmup, plan.concurrency ?? 1, signal)
      used += plan.warmup
      const measured = used
      used += plan.requests
      const date = new Date().toISOString()
      const burstiness = flags.burstiness ?? 1
      const result = await runLoad(target, at => requests(measured + at), {
        ...plan,
        burstiness,
        seed: seed + index,
        signal,
        onProgress: progress.update,
      })
      const context = { ...plan, burstiness, date, backend: target.backend, model: target.model, levels: flags.goodput }
      points.push({ name: pointName(plan), report: reportOf(result, context), details: flags.details ? detailsOf(result) : undefined })
    } catch (error) {
      // Ctrl-C while warming up: what was measured before is told.
      if (!signal.aborted || points.length === 0) throw error
    } finally {
      progress.clear()
    }
    if (signal.aborted) return
  }
}

/** Prompts that come again say less about what is new to a target. */
function repetition(plans: readonly PointPlan[], { prompts }: BenchSetup): string[] {
  const needed = plans.reduce((sum, { requests, warmup }) => sum + requests + warmup, 0)
  if (needed <= prompts) return []
  return [
    `the dataset has ${formatPlural(prompts, 'prompt')} for ${formatCount(needed)} requests; what is remembered of prompts makes repeated ones faster`,
  ]
}

/** All that was measured, as plain JSON data. */
function documentOf(
  { target }: BenchSetup,
  notes: readonly string[],
  points: readonly BenchPoint[],
  flags: BenchCall['flags'],
  seed: number,
  isInterrupted: boolean,
): Readonly<Record<string, unknown>> {
  const { inputTokens, outputTokens, rangeRatio, prefixTokens } = lengthsOf(flags)
  const { dataset } = flags
  return {
    hence: packageVersion(),
    target: { backend: target.backend, model: target.model, location: target.location },
    settings: {
      seed,
      ...(dataset === undefined
        ? { input_tokens: inputTokens, output_tokens: outputTokens, range_ratio: rangeRatio, prefix_tokens: prefixTokens }
        : { dataset, output_tokens: outputTokens }),
      temperature: flags.temperature ?? 0,
      goodput: flags.goodput ?? null,
    },
    notes,
    interrupted: isInterrupted,
    runs: points.map(({ report, details }) => ({ ...report, ...details })),
  }
}

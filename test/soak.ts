import { setImmediate as turn } from 'node:timers/promises'
import { type LanguageModel, Rng } from '../src/core/index.ts'
import { serverSentEvents } from '../src/eval/load-test/server-sent-events.ts'

/** A request that has one right answer. */
export interface SoakCase {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** 0, or drawn with `seed`. */
  readonly temperature: number
  readonly seed: number
  readonly ignoreEos: boolean
}

/** What was heard of an answer. */
interface Heard {
  readonly text: string
  /** Where they are told. */
  readonly tokens?: readonly number[]
  readonly isWhole: boolean
}

/** Asks, calls `onPiece` for every piece, leaves when that says false. */
export type Ask = (one: SoakCase, signal: AbortSignal, onPiece: () => boolean) => Promise<Heard>

/** When a caller goes away. */
const LEAVING = ['never', 'before', 'waiting', 'prompt', 'answer', 'loop'] as const
type Leaving = (typeof LEAVING)[number]

/** Options of {@link soak}. */
export interface SoakOptions {
  readonly model: LanguageModel
  readonly ask: Ask
  readonly streams: number
  /** No round begins after this time, but for the first, and as long as it is not enough. */
  readonly seconds: number
  readonly isEnough?: (report: SoakReport) => boolean
  readonly seed: number
  /** Called before memory is looked at. */
  readonly collectGarbage?: () => void
  readonly onRound?: (report: SoakReport) => void
}

/** What a soak found. */
export interface SoakReport {
  readonly rounds: number
  /** Requests by when their callers went away. */
  readonly requests: Readonly<Record<Leaving, number>>
  /** Answers that came whole and were compared. */
  readonly verified: number
  /** Sequences that were put back and computed anew. */
  readonly preemptions: number
  /** Tokens of prompts that had been computed for others. */
  readonly sharedTokens: number
  /** Most sequences in steps at once. */
  readonly mostRunning: number
  /** Largest share of the memory for keys and values that was in use. */
  readonly fullest: number
  /** What was wrong, each with what repeats it. */
  readonly failures: readonly string[]
  /** Memory of the process after each round. */
  readonly memory: readonly { readonly ms: number; readonly rssBytes: number }[]
}

const REQUESTS_PER_STREAM = 2
const MAX_FAILURES = 20
const PATIENCE_MS = 60_000

/**
 * Many streams on one engine, in rounds. The right answer to every request is what the engine gives when nothing else
 * runs: half of them are asked before the round, half after it, so that what the engine remembers of either cannot help
 * both. After each round all sequences must be gone and all memory for keys and values free.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { model, ask, streams, seconds, isEnough = () => true, seed, collectGarbage, onRound } = options
  const begunAt = performance.now()
  const rng = new Rng(seed)
  const requests = Object.fromEntries(LEAVING.map(leaving => [leaving, 0])) as Record<Leaving, number>
  const failures: string[] = []
  const memory: { ms: number; rssBytes: number }[] = []
  const report = { rounds: 0, requests, verified: 0, preemptions: 0, sharedTokens: 0, mostRunning: 0, fullest: 0, failures, memory }
  do {
    const round = new Round(model, ask, rng)
    await round.run(streams)
    report.rounds++
    for (const { leaving } of round.asked) requests[leaving]++
    report.verified += round.verified
    const { preemptions = 0, prefixHits = 0 } = model.activity()
    report.preemptions = preemptions
    report.sharedTokens = prefixHits
    report.mostRunning = Math.max(report.mostRunning, round.mostRunning)
    report.fullest = Math.max(report.fullest, round.fullest)
    for (const failure of round.failures)
      if (failures.length < MAX_FAILURES) failures.push(`seed ${seed}, round ${report.rounds}: ${failure}`)
    collectGarbage?.()
    memory.push({ ms: performance.now() - begunAt, rssBytes: process.memoryUsage.rss() })
    onRound?.(report)
  } while (failures.length < MAX_FAILURES && (performance.now() - begunAt < seconds * 1_000 || !isEnough(report)))
  return report
}

class Round {
  readonly asked: { readonly one: SoakCase; readonly leaving: Leaving; readonly heard: Heard | undefined }[] = []
  readonly failures: string[] = []
  verified = 0
  mostRunning = 0
  fullest = 0
  readonly #model: LanguageModel
  readonly #ask: Ask
  readonly #rng: Rng
  readonly #solo = new Map<SoakCase, Heard>()

  constructor(model: LanguageModel, ask: Ask, rng: Rng) {
    this.#model = model
    this.#ask = ask
    this.#rng = rng
  }

  async run(streams: number): Promise<void> {
    const cases = makeCases(this.#model, Math.ceil(streams / 4), this.#rng)
    for (const [index, one] of cases.entries()) if (index % 2 === 0) await this.#alone(one)
    let left = streams * REQUESTS_PER_STREAM
    const stream = async (): Promise<void> => {
      while (left-- > 0) {
        const one = cases[this.#rng.below(cases.length)]!
        const leaving = this.#rng.below(2) === 0 ? 'never' : LEAVING[this.#rng.below(LEAVING.length)]!
        const heard = await this.#request(one, leaving)
        this.asked.push({ one, leaving, heard })
      }
    }
    await Promise.all(Array.from({ length: streams }, stream))
    await this.#checkIdle()
    for (const one of cases) await this.#alone(one)
    for (const { one, leaving, heard } of this.asked) this.#compare(one, leaving, heard)
  }

  async #alone(one: SoakCase): Promise<void> {
    if (this.#solo.has(one)) return
    this.#solo.set(one, await this.#ask(one, new AbortController().signal, () => true))
    const { running, waiting, kvTokensUsed } = this.#model.activity()
    // Over HTTP the end may be heard a moment before the engine has put everything away.
    if (running + waiting + kvTokensUsed > 0) await this.#checkIdle()
  }

  /** Sends a request whose caller goes away when it is told to. */
  async #request(one: SoakCase, leaving: Leaving): Promise<Heard | undefined> {
    const controller = new AbortController()
    const leaveAfter = 1 + this.#rng.below(one.maxTokens)
    const turns = this.#rng.below(12)
    let pieces = 0
    const onPiece = (): boolean => {
      pieces++
      this.#look()
      if (leaving === 'answer' && pieces === leaveAfter) controller.abort()
      return leaving !== 'loop' || pieces < leaveAfter
    }
    try {
      if (leaving === 'before') controller.abort()
      const answer = this.#ask(one, controller.signal, onPiece)
      if (leaving === 'waiting') controller.abort()
      if (leaving === 'prompt') {
        for (let i = 0; i < turns; i++) await turn()
        controller.abort()
      }
      return await answer
    } catch (error) {
      if (!controller.signal.aborted) this.failures.push(`${describe(one)} failed: ${error}`)
      return undefined
    }
  }

  #look(): void {
    const { running, kvTokensUsed, kvTokens } = this.#model.activity()
    this.mostRunning = Math.max(this.mostRunning, running)
    this.fullest = Math.max(this.fullest, kvTokensUsed / kvTokens)
  }

  async #checkIdle(): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    for (;;) {
      const { running, waiting, kvTokensUsed } = this.#model.activity()
      if (running + waiting + kvTokensUsed === 0) return
      if (performance.now() > end) {
        this.failures.push(
          `nothing is asked, and there are ${running} running, ${waiting} waiting, ${kvTokensUsed} tokens of keys and values held`,
        )
        return
      }
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }

  #compare(one: SoakCase, leaving: Leaving, heard: Heard | undefined): void {
    const solo = this.#solo.get(one)!
    if (heard === undefined) return
    const isTrue = heard.isWhole
      ? heard.text === solo.text && String(heard.tokens) === String(solo.tokens)
      : solo.text.startsWith(heard.text) && (heard.tokens ?? []).every((token, i) => token === solo.tokens?.[i])
    if (heard.isWhole && isTrue) this.verified++
    if (!isTrue) this.failures.push(`${describe(one)}, left: ${leaving}\n  alone  ${shown(solo)}\n  among  ${shown(heard)}`)
    if (leaving === 'never' && !heard.isWhole) this.failures.push(`${describe(one)} ended early\n  heard  ${shown(heard)}`)
  }
}

/**
 * Prompts of any length, some of which begin alike or are the same; answers that fit into the context, most of them longer
 * than their prompts, so that sequences which there was room for outgrow it together.
 */
function makeCases(model: LanguageModel, count: number, rng: Rng): SoakCase[] {
  const { context, vocabulary } = model.describe()
  const tokens = (length: number): number[] => Array.from({ length }, () => rng.below(vocabulary))
  const shared = tokens(Math.floor(context / 2))
  const cases: SoakCase[] = []
  while (cases.length < count) {
    const kind = rng.below(4)
    const own = tokens(1 + rng.below(Math.floor(context / 4)))
    const before = cases[rng.below(cases.length)]
    const prompt = kind === 0 && before ? before.prompt : kind === 1 ? [...shared.slice(0, 1 + rng.below(shared.length)), ...own] : own
    const room = context - prompt.length
    cases.push({
      prompt,
      maxTokens: 1 + rng.below(rng.below(4) === 0 ? Math.ceil(room / 4) : room),
      temperature: rng.below(2) === 0 ? 0 : 0.9,
      seed: rng.below(2 ** 31),
      ignoreEos: rng.below(4) > 0,
    })
  }
  return cases
}

function describe({ prompt, ...rest }: SoakCase): string {
  return JSON.stringify({ promptTokens: prompt.length, ...rest })
}

function shown({ text, tokens }: Heard): string {
  return tokens ? `${tokens.length} tokens: ${tokens.slice(0, 40).join(' ')}` : JSON.stringify(text.slice(0, 120))
}

/** Asks a model of this process. */
export function askModel(model: LanguageModel): Ask {
  return async ({ prompt, ...options }, signal, onPiece) => {
    const generation = model.generate(prompt, { ...options, signal })
    const tokens: number[] = []
    let text = ''
    for await (const piece of generation) {
      text += piece.text
      tokens.push(piece.token)
      if (!onPiece()) return { text, tokens, isWhole: false }
    }
    const { finishReason, ...result } = await generation.done()
    return { text: result.text, tokens: result.tokens, isWhole: finishReason !== 'aborted' }
  }
}

/** Asks the only model of a server. */
export function askServer(url: string, model: string): Ask {
  return async ({ prompt, maxTokens, temperature, seed, ignoreEos }, signal, onPiece) => {
    const body = JSON.stringify({ model, prompt, max_tokens: maxTokens, temperature, seed, ignore_eos: ignoreEos, stream: true })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body, signal })
    if (!response.ok || !response.body) throw new TypeError(`HTTP ${response.status}: ${await response.text()}`)
    let text = ''
    let isWhole = false
    for await (const data of serverSentEvents(response.body)) {
      if (data === '[DONE]') break
      const [choice] = (JSON.parse(data) as { choices: { text: string; finish_reason: string | null }[] }).choices
      text += choice!.text
      isWhole = choice!.finish_reason !== null
      if (!onPiece() && !isWhole) return { text, isWhole: false }
    }
    return { text, isWhole }
  }
}

/** How fast memory grows, in bytes per minute: the straight line through what was seen after the first third. */
export function growthPerMinute(memory: SoakReport['memory']): number {
  const late = memory.slice(Math.floor(memory.length / 3))
  const mean = (read: (one: (typeof late)[number]) => number): number => late.reduce((sum, one) => sum + read(one), 0) / late.length
  const [ms, bytes] = [mean(one => one.ms), mean(one => one.rssBytes)]
  const spread = late.reduce((sum, one) => sum + (one.ms - ms) ** 2, 0)
  return spread > 0 ? (late.reduce((sum, one) => sum + (one.ms - ms) * (one.rssBytes - bytes), 0) / spread) * 60_000 : 0
}

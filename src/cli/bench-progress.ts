import type { LoadProgress } from '../eval/index.ts'
import { formatCount, formatDuration, formatNumber } from './format.ts'
import type { Io } from './io.ts'
import { styleOf } from './terminal.ts'

const BAR_CELLS = 20
/** The bar is half as long where the line would not fit. */
const NARROW_COLUMNS = 110
const REDRAW_MS = 100

/** What a line of progress tells of. */
interface Progressing {
  /** Requests of this point. */
  readonly of: number
  readonly name: string
  /** Which point of how many. */
  readonly index: number
  readonly points: number
}

/** A line on standard error while requests are answered; nothing where that is no terminal, or with `isSilent`. */
export function benchProgress(
  { stderr, env }: Io,
  isSilent: boolean,
  { of, name, index, points }: Progressing,
): { update(progress: LoadProgress): void; clear(): void } {
  if (isSilent || stderr.isTTY !== true) return { update() {}, clear() {} }
  const { dim } = styleOf(stderr, env)
  const columns = stderr.columns ?? NARROW_COLUMNS
  const cells = columns < NARROW_COLUMNS ? BAR_CELLS / 2 : BAR_CELLS
  const heading = points > 1 ? `${name} (${index + 1} of ${points})` : name
  let latest: LoadProgress | undefined
  stderr.write(`\r\x1b[K${dim(`${heading}  warming up`)}`)
  const timer = setInterval(() => {
    if (!latest) return
    const done = latest.completed + latest.failed
    const full = Math.floor((done / of) * cells)
    const line = `${heading}  ${'━'.repeat(full)}${'─'.repeat(cells - full)}  ${factsOf(latest, done, of).join('  ')}`
    // A line that wraps could not be wiped.
    stderr.write(`\r\x1b[K${line.length >= columns ? `${line.slice(0, columns - 2)}…` : line}`)
  }, REDRAW_MS)
  return {
    update(progress) {
      latest = progress
    },
    clear() {
      clearInterval(timer)
      stderr.write('\r\x1b[K')
    },
  }
}

function factsOf({ sent, failed, completionTokens, ms }: LoadProgress, done: number, of: number): string[] {
  return [
    `${formatCount(done)}/${formatCount(of)}`,
    `${formatCount(sent - done)} under way`,
    ...(completionTokens > 0 ? [`${formatNumber((completionTokens / ms) * 1_000)} tokens/s`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
    ...(done > 0 ? [`${formatDuration((ms / done) * (of - done))} left`] : []),
  ]
}

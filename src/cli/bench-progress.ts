import type { LoadProgress } from '../eval/index.ts'
import { formatCount, formatDuration, formatNumber } from './format.ts'
import type { Io } from './io.ts'
import { styleOf } from './terminal.ts'

const BAR_CELLS = 20
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
  const { dim } = styleOf(stderr, env)
  const isShown = !isSilent && stderr.isTTY === true
  const heading = points > 1 ? `${name} (${index + 1} of ${points})` : name
  let drawnAt = Number.NEGATIVE_INFINITY
  const draw = (text: string): void => {
    const columns = stderr.columns ?? 100
    // A line that wraps could not be wiped.
    stderr.write(`\r\x1b[K${text.length > columns && !text.includes('\x1b') ? text.slice(0, columns - 1) : text}`)
    drawnAt = performance.now()
  }
  if (isShown) draw(dim(`${heading}  warming up`))
  return {
    update({ sent, completed, failed, completionTokens, ms }) {
      if (!isShown || performance.now() - drawnAt < REDRAW_MS) return
      const done = completed + failed
      const full = Math.round((done / of) * BAR_CELLS)
      const parts = [
        `${formatCount(done)}/${formatCount(of)}`,
        `${formatCount(sent - done)} under way`,
        ...(completionTokens > 0 ? [`${formatNumber((completionTokens / ms) * 1_000)} tokens/s`] : []),
        ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
        ...(done > 0 ? [`${formatDuration((ms / done) * (of - done))} left`] : []),
      ]
      const line = `${heading}  ${'━'.repeat(full)}${'─'.repeat(BAR_CELLS - full)}  ${parts.join('  ')}`
      draw(line)
    },
    clear() {
      if (isShown) stderr.write('\r\x1b[K')
    },
  }
}

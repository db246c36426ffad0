import type { LoadProgress } from '../llm/index.ts'
import { formatBandwidth, formatBytes, formatDuration } from './format.ts'
import type { Io } from './io.ts'
import { styleOf } from './terminal.ts'

const BAR_CELLS = 24
/** Cells that are left out of the bar where the line would not fit. */
const NARROW_COLUMNS = 100
/** Work shorter than this shows no bar. */
const PATIENCE_MS = 250
const REDRAW_MS = 80
/** Time over which a rate is the mean of what came. */
const RATE_MS = 3_000

const STAGES = { download: 'fetching', hash: 'checking content', pack: 'packing weights' } as const

/** How far work is; `networkBytes` of a download came over the network. */
export type Progress = LoadProgress & { readonly networkBytes?: number }

/** A bar on standard error while a model loads; nothing where that is no terminal. */
export interface ProgressBar {
  update(progress: Progress): void
  /** Wipes the bar. */
  clear(): void
}

/** Makes the bar; with `isSilent` it shows nothing. */
export function progressBar({ stderr, env }: Io, isSilent = false): ProgressBar {
  const begun = performance.now()
  const { dim } = styleOf(stderr, env)
  const seen: { at: number; bytes: number }[] = []
  let drawnAt = 0
  return {
    update({ stage, doneBytes, totalBytes, networkBytes }) {
      const now = performance.now()
      if (isSilent || !stderr.isTTY || now - begun < PATIENCE_MS || now - drawnAt < REDRAW_MS) return
      drawnAt = now
      const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 1
      const cells = (stderr.columns ?? NARROW_COLUMNS) < NARROW_COLUMNS ? BAR_CELLS / 2 : BAR_CELLS
      const full = Math.round(share * cells)
      const bar = '━'.repeat(full) + dim('─'.repeat(cells - full))
      const percent = `${Math.floor(share * 100)} %`.padStart(5)
      const rate = networkBytes === undefined ? '' : rateText(seen, { at: now, bytes: networkBytes }, totalBytes - doneBytes)
      stderr.write(`\r\x1b[K${STAGES[stage]} ${bar} ${percent}  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}`)
    },
    clear() {
      if (drawnAt > 0) stderr.write('\r\x1b[K')
      drawnAt = 0
    },
  }
}

/** `  85.2 MB/s  29 s left`, from what came in the last moments. */
function rateText(seen: { at: number; bytes: number }[], now: { at: number; bytes: number }, leftBytes: number): string {
  seen.push(now)
  while (seen.length > 2 && now.at - seen[0]!.at > RATE_MS) seen.shift()
  const [first] = seen
  const bytesPerMs = first && now.at > first.at ? (now.bytes - first.bytes) / (now.at - first.at) : 0
  if (bytesPerMs <= 0) return ''
  return `  ${formatBandwidth(bytesPerMs * 1_000)}  ${formatDuration(leftBytes / bytesPerMs)} left`
}

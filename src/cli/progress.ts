import type { LoadProgress } from '../llm/index.ts'
import { formatBytes } from './format.ts'
import type { Io } from './io.ts'
import { styleOf } from './terminal.ts'

const BAR_CELLS = 24
/** Work shorter than this shows no bar. */
const PATIENCE_MS = 250
const REDRAW_MS = 80

const STAGES = { hash: 'checking content', pack: 'packing weights' } as const

/** A bar on standard error while a model loads; nothing where that is no terminal. */
export interface ProgressBar {
  update(progress: LoadProgress): void
  /** Wipes the bar. */
  clear(): void
}

/** Makes the bar; with `isSilent` it shows nothing. */
export function progressBar({ stderr, env }: Io, isSilent = false): ProgressBar {
  const begun = performance.now()
  const { dim } = styleOf(stderr, env)
  let drawnAt = 0
  return {
    update({ stage, doneBytes, totalBytes }) {
      const now = performance.now()
      if (isSilent || !stderr.isTTY || now - begun < PATIENCE_MS || now - drawnAt < REDRAW_MS) return
      drawnAt = now
      const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 1
      const full = Math.round(share * BAR_CELLS)
      const bar = '━'.repeat(full) + dim('─'.repeat(BAR_CELLS - full))
      const percent = `${Math.floor(share * 100)} %`.padStart(5)
      stderr.write(`\r\x1b[K${STAGES[stage]} ${bar} ${percent}  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`)
    },
    clear() {
      if (drawnAt > 0) stderr.write('\r\x1b[K')
      drawnAt = 0
    },
  }
}

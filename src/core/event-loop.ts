/** Work on the main thread may go on for so long before timers and sockets get their turn. */
const MOST_MS = 1

/** When work began that nothing has interrupted since. */
let begunAt: number | undefined

/** False once work on the main thread, told by calling this before each piece, has kept the event loop from turning for too long. */
export function mayHoldLoop(): boolean {
  if (begunAt !== undefined) return performance.now() - begunAt < MOST_MS
  begunAt = performance.now()
  setImmediate(() => {
    begunAt = undefined
  })
  return true
}

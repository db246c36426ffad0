import { setImmediate as turn } from 'node:timers/promises'
import { isHenceError } from '../src/core/index.ts'

/** What Hence warned of while something was done. */
export async function warningsDuring(
  work: () => Promise<unknown>,
): Promise<{ code: string; message: string; hint: string; details: unknown }[]> {
  const heard: ReturnType<typeof JSON.parse>[] = []
  const listen = (warning: Error): void => {
    if (isHenceError(warning)) heard.push(warning.toJSON())
  }
  process.on('warning', listen)
  try {
    await work()
    // A warning is told a turn after it was given.
    await turn()
  } finally {
    process.off('warning', listen)
  }
  return heard
}

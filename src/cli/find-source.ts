import { findModel } from '../hub/index.ts'
import type { Io } from './io.ts'
import { progressBar } from './progress.ts'

/** The path of a model given by path or by name on the hub, fetched with a progress bar; Ctrl-C stops it. */
export async function findSource(source: string, io: Io, isSilent: boolean): Promise<string> {
  const progress = progressBar(io, isSilent)
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    return await findModel(source, { signal: controller.signal, onProgress: step => progress.update(step) })
  } finally {
    stopListening()
    progress.clear()
  }
}

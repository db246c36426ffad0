import type { LanguageModel } from '../core/index.ts'
import { type LoadOptions, load } from '../tasks/index.ts'
import type { Io } from './io.ts'
import { progressBar } from './progress.ts'

/** Loads a model with a progress bar; Ctrl-C and `signal` stop it. */
export async function loadModel(path: string, options: LoadOptions, io: Io, isSilent: boolean): Promise<LanguageModel> {
  const progress = progressBar(io, isSilent)
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    return await load(path, { ...options, kind: 'language', signal: controller.signal, onProgress: step => progress.update(step) })
  } finally {
    stopListening()
    progress.clear()
  }
}

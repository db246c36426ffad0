import { type Backend, type BackendOptions, type LoadProgress, openBackend, type Precision } from '../../backends/index.ts'
import type { EncoderSource } from './encoder-source.ts'
import { ImageTower } from './image-tower.ts'
import { TextTower } from './text-tower.ts'

/** Where and how an encoder runs. */
export interface EncoderOptions extends BackendOptions {
  /** `exact` is the default for F32, F16 and BF16 files, `fast` for quantised ones. */
  readonly precision?: Precision | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** An encoder ready to run; nothing of its checkpoint is needed any more. */
export interface StartedEncoder {
  readonly source: EncoderSource
  readonly text: TextTower | undefined
  readonly image: ImageTower | undefined
  readonly backend: Backend
  readonly precision: Precision
  dispose(): void
}

const PLAIN_TYPES = ['f32', 'f16', 'bf16']

/** The precision an encoder runs in unless the caller says otherwise. */
export function encoderPrecision({ checkpoint }: EncoderSource, { precision }: EncoderOptions): Precision {
  return precision ?? ([...checkpoint.tensors.values()].every(({ type }) => PLAIN_TYPES.includes(type)) ? 'exact' : 'fast')
}

/**
 * Opens a backend and packs the weights of every tower.
 *
 * @throws HenceError `OPTION_INVALID`, `BACKEND_UNAVAILABLE`, `TENSOR_MISSING`, `TENSOR_MISMATCH`, `ABORTED`
 */
export async function startEncoder(source: EncoderSource, options: EncoderOptions): Promise<StartedEncoder> {
  const backend = openBackend(options)
  const parts: { dispose(): void }[] = [backend]
  const dispose = (): void => {
    for (const part of parts.splice(0)) part.dispose()
  }
  try {
    const precision = encoderPrecision(source, options)
    const shared = { backend, precision, signal: options.signal, onProgress: options.onProgress }
    const text = source.text && (await TextTower.compile(source.text, { ...shared, endToken: source.endToken }))
    if (text) parts.unshift(text)
    const image = source.image && (await ImageTower.compile(source.image, shared))
    if (image) parts.unshift(image)
    return { source, text, image, backend, precision, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

import { HenceError, nearest } from '../../core/index.ts'
import type { Architecture } from './architecture.ts'
import { gpt2 } from './gpt2.ts'
import { llama } from './llama.ts'
import { mistral } from './mistral.ts'
import { qwen2 } from './qwen2.ts'

/** Every family of decoders Hence runs, by the name both kinds of file use. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = { gpt2, llama, mistral, qwen2 }

/**
 * The entry of a name found in a file.
 *
 * @throws HenceError `ARCHITECTURE_UNKNOWN` with the known names
 */
export function architectureOf(name: string, origin: string): Architecture {
  if (Object.hasOwn(ARCHITECTURES, name)) return ARCHITECTURES[name]!
  const known = Object.keys(ARCHITECTURES)
  const shown = name.length > 60 ? `${name.slice(0, 57)}…` : name
  const close = nearest(name.slice(0, 60), known)
  throw new HenceError('ARCHITECTURE_UNKNOWN', `${origin}: architecture "${shown}" is not known; known are ${known.join(', ')}`, {
    origin,
    architecture: shown,
    known,
    ...(close ? { nearest: close } : {}),
  })
}

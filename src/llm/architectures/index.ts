import { HenceError, nearest } from '../../core/index.ts'
import type { Architecture } from './architecture.ts'
import { gemma2 } from './gemma2.ts'
import { gemma3 } from './gemma3.ts'
import { gptNeox } from './gpt-neox.ts'
import { gptOss } from './gpt-oss.ts'
import { gpt2 } from './gpt2.ts'
import { lfm2 } from './lfm2.ts'
import { llama } from './llama.ts'
import { mamba } from './mamba.ts'
import { mistral } from './mistral.ts'
import { mixtral } from './mixtral.ts'
import { olmo2 } from './olmo2.ts'
import { phi3 } from './phi3.ts'
import { qwen2 } from './qwen2.ts'
import { qwen3 } from './qwen3.ts'
import { qwen3Moe } from './qwen3-moe.ts'
import { smollm3 } from './smollm3.ts'

const FAMILIES = [gemma2, gemma3, gpt2, gptNeox, gptOss, lfm2, llama, mamba, mistral, mixtral, olmo2, phi3, qwen2, qwen3, qwen3Moe, smollm3]

/** Every family of decoders Hence runs, by all names files have for it. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = Object.fromEntries(
  FAMILIES.flatMap(family => [family.name, ...(family.aliases ?? [])].map(name => [name, family])),
)

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

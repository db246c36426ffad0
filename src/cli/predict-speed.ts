import type { ModelDescription } from '../core/index.ts'
import type { LoadOptions } from '../tasks/index.ts'
import { type MachineSpeed, measureSpeed } from './machine-speed.ts'
import type { ProgramCosts } from './program-costs.ts'

/** Share of the measured peak that matmuls of a long prompt are assumed to reach. */
export const PREFILL_EFFICIENCY = 0.5
/** Length of the prompt that prefill is predicted for. */
export const PREFILL_TOKENS = 512

/** What a machine's bandwidth and arithmetic allow; tokens per second. */
export interface SpeedPrediction extends MachineSpeed {
  /** The most that decoding can reach at the start of a context. */
  readonly decode: number
  /** The most at the end of the context, where all keys and values are read as well. */
  readonly decodeAtFullContext: number
  /** At {@link PREFILL_EFFICIENCY} of the peak. */
  readonly prefill: number
  readonly prefillOperationsPerToken: number
}

/**
 * Measures this machine and divides: decoding reads every weight once per token, prefill is arithmetic.
 *
 * @throws HenceError `BACKEND_UNAVAILABLE`
 */
export async function predictSpeed(
  { context, memory, layers, attentionLayers = layers, heads, headDim, precision }: ModelDescription,
  { bytesPerToken, operationsPerToken }: ProgramCosts,
  { threads, target }: Pick<LoadOptions, 'threads' | 'target'>,
): Promise<SpeedPrediction> {
  const speed = await measureSpeed(bytesPerToken, { threads, target, precision })
  const { bandwidth, peak } = speed
  // A token sees half of the prompt on average: a score and a weighted sum per key.
  const attention = attentionLayers * 4 * heads * headDim * (Math.min(PREFILL_TOKENS, context) / 2)
  const prefillOperationsPerToken = operationsPerToken + attention
  return {
    ...speed,
    decode: bandwidth / bytesPerToken,
    decodeAtFullContext: bandwidth / (bytesPerToken + context * memory.kvBytesPerToken),
    prefill: (PREFILL_EFFICIENCY * peak) / prefillOperationsPerToken,
    prefillOperationsPerToken,
  }
}

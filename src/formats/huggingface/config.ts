import { isJsonObject } from '../bounded-json.ts'

/**
 * Folds the two spellings of a Hugging Face `config.json` into one.
 *
 * - `dtype` holds what either `dtype` or `torch_dtype` said.
 * - `rope_theta`, `rope_scaling` and `partial_rotary_factor` stand at the top level. `rope_scaling` is null for plain
 *   rotation, else an object with `rope_type` (also where it was spelled `type`).
 * - `rope_parameters` stays, and nothing is folded, only when it is nested by layer type
 *   (`{ full_attention: {…}, sliding_attention: {…} }`).
 * - `text_config`, the language part of a multimodal model, is folded the same way.
 *
 * Where both spellings are present the newer wins. Everything else is kept as it is; the argument is not changed.
 */
export function normalizeHuggingFaceConfig(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { torch_dtype: torchDtype, rope_parameters: ropeParameters, ...rest } = config
  const result: Record<string, unknown> = { ...rest }
  const dtype = rest['dtype'] ?? torchDtype
  if (dtype !== undefined) result['dtype'] = dtype
  if (isJsonObject(ropeParameters)) {
    if (Object.values(ropeParameters).some(isJsonObject)) result['rope_parameters'] = ropeParameters
    else foldRopeParameters(result, ropeParameters)
  }
  if ('rope_scaling' in result) result['rope_scaling'] = normalizeScaling(result['rope_scaling'])
  if (isJsonObject(rest['text_config'])) result['text_config'] = normalizeHuggingFaceConfig(rest['text_config'])
  return result
}

function foldRopeParameters(result: Record<string, unknown>, parameters: Readonly<Record<string, unknown>>): void {
  const { rope_theta: theta, partial_rotary_factor: partial, ...scaling } = parameters
  if (theta !== undefined) result['rope_theta'] = theta
  if (partial !== undefined) result['partial_rotary_factor'] = partial
  result['rope_scaling'] = scaling
}

function normalizeScaling(scaling: unknown): unknown {
  if (!isJsonObject(scaling)) return scaling ?? null
  const { type, rope_type: ropeType = type, ...rest } = scaling
  if (ropeType === 'default' || (ropeType === undefined && Object.keys(rest).length === 0)) return null
  return { ...rest, rope_type: ropeType }
}

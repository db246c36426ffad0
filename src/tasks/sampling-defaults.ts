import { ConfigFields, DEFAULT_SAMPLING, type Sampling } from '../llm/index.ts'

/** Ranges of sampling numbers, wherever they come from. */
export const SAMPLING_RANGES = {
  temperature: { min: 0, max: 1_000 },
  topK: { min: 0, max: 4_194_304 },
  topP: { min: 0, max: 1 },
  minP: { min: 0, max: 1 },
  typicalP: { min: 0, max: 1 },
  repetitionPenalty: { min: 1e-3, max: 1_000 },
  frequencyPenalty: { min: -1_000, max: 1_000 },
  presencePenalty: { min: -1_000, max: 1_000 },
} as const

const HUGGING_FACE = {
  temperature: 'temperature',
  topK: 'top_k',
  topP: 'top_p',
  minP: 'min_p',
  typicalP: 'typical_p',
  repetitionPenalty: 'repetition_penalty',
} as const
const GGUF = {
  temperature: 'general.sampling.temp',
  topK: 'general.sampling.top_k',
  topP: 'general.sampling.top_p',
  minP: 'general.sampling.min_p',
  repetitionPenalty: 'general.sampling.penalty_repeat',
} as const

/** What transformers takes for a number that a `generation_config.json` leaves out. */
const TRANSFORMERS: Sampling = { ...DEFAULT_SAMPLING, temperature: 1, topK: 50, topP: 1, minP: 0 }

/**
 * Sampling as `generation_config.json` says. `do_sample: false` means temperature 0; a file with neither `do_sample` nor
 * any number leaves Hence's defaults.
 *
 * @throws HenceError `CONFIG_INVALID`
 */
export function samplingFromHuggingFace(generationConfig: Readonly<Record<string, unknown>>, origin: string): Sampling {
  const fields = ConfigFields.ofObject(origin, generationConfig)
  const isGreedy = fields.has('do_sample') && !fields.boolean('do_sample', false)
  if (isGreedy) return { ...DEFAULT_SAMPLING, ...pick(fields, { repetitionPenalty: HUGGING_FACE.repetitionPenalty }), temperature: 0 }
  const given = pick(fields, HUGGING_FACE)
  return fields.has('do_sample') || Object.keys(given).length > 0 ? { ...TRANSFORMERS, ...given } : DEFAULT_SAMPLING
}

/** Sampling as GGUF metadata says. @throws HenceError `CONFIG_INVALID` */
export function samplingFromGguf(metadata: ReadonlyMap<string, unknown>, origin: string): Sampling {
  return { ...DEFAULT_SAMPLING, ...pick(new ConfigFields(origin, key => metadata.get(key)), GGUF) }
}

/** Ids a Hugging Face file names as ends: a number or a list. Ids that cannot be are left out. */
export function endTokensOf(config: Readonly<Record<string, unknown>> | undefined): number[] {
  const value = config?.['eos_token_id']
  return (Array.isArray(value) ? value : [value]).filter(id => Number.isInteger(id) && id >= 0) as number[]
}

function pick(fields: ConfigFields, names: Readonly<Partial<Record<keyof typeof SAMPLING_RANGES, string>>>): Partial<Sampling> {
  const given = Object.entries(names).filter(([, name]) => fields.has(name))
  return Object.fromEntries(given.map(([key, name]) => [key, fields.number(name, SAMPLING_RANGES[key as keyof typeof SAMPLING_RANGES])]))
}

import { availableParallelism } from 'node:os'
import type { GenerateOptions } from '../core/index.ts'
import { BACKEND_NAMES, KV_TYPES } from '../llm/index.ts'
import type { LoadOptions } from '../tasks/index.ts'
import { choiceFlag, type Flag, type FlagValues, integerFlag, listFlag, numberFlag, switchFlag, textFlag } from './flags.ts'

const ANY = Number.MAX_SAFE_INTEGER

/** Flags of {@link LOAD_FLAGS}. */
type LoadFlags = {
  readonly context: Flag<number | undefined>
  readonly threads: Flag<number | undefined>
  readonly backend: Flag<LoadOptions['backend']>
  readonly precision: Flag<LoadOptions['precision']>
  readonly 'kv-type': Flag<LoadOptions['kvType']>
  readonly target: Flag<string | undefined>
  readonly tokenizer: Flag<string | undefined>
}

/** Flags of {@link SCHEDULING_FLAGS}. */
type SchedulingFlags = { readonly [Name in 'stall-ms' | 'max-waiting' | 'prefix-cache-bytes']: Flag<number | undefined> } & {
  readonly 'prefix-cache-folder': Flag<string | undefined>
}

/** Flags of {@link SAMPLING_FLAGS}. */
type SamplingFlags = {
  readonly [Name in 'max-tokens' | 'temperature' | 'top-k' | 'top-p' | 'min-p' | 'seed']: Flag<number | undefined>
} & {
  readonly stop: Flag<readonly string[]>
}

/** How a model is loaded. */
export const LOAD_FLAGS: LoadFlags = {
  context: integerFlag('N', 'tokens of prompt and answer together', { min: 1, max: 2 ** 27 }, "the model's own, up to 4,096"),
  threads: integerFlag('N', 'threads that compute', { min: 1, max: 256 }, `all, ${availableParallelism()} here`),
  backend: choiceFlag(BACKEND_NAMES, 'what computes', 'auto: native where it can be loaded'),
  precision: choiceFlag(['exact', 'fast'], 'exact: f32 arithmetic; fast: 8-bit or bf16 inputs of matmuls', 'fast for quantised files'),
  'kv-type': choiceFlag(KV_TYPES, 'how keys and values are held; i8 takes about half of f16', 'f32 in exact, f16 in fast'),
  target: textFlag('NAME', 'instruction set of the native backend, see `hence doctor`', 'the best'),
  tokenizer: textFlag('PATH', 'tokenizer.json, a llama2.c tokenizer, or a folder with one', "the model's own"),
}

/** How a language model works on many sequences at once. */
export const SCHEDULING_FLAGS: SchedulingFlags = {
  'stall-ms': numberFlag('MS', 'longest a step may take for prompts beside answers', { min: 1, max: 3_600_000 }, '20 to 100'),
  'max-waiting': integerFlag('N', 'sequences that wait for room; more are refused', { min: 1, max: 1e9 }, '4,096'),
  'prefix-cache-folder': textFlag('PATH', 'keeps what was computed of prompts for after a restart'),
  'prefix-cache-bytes': integerFlag('BYTES', 'most that this folder takes', { min: 1, max: ANY }, '10,000,000,000'),
}

/** How tokens are drawn. */
export const SAMPLING_FLAGS: SamplingFlags = {
  'max-tokens': integerFlag('N', 'most tokens to generate', { min: 1, max: ANY }, 'up to the end of the context'),
  temperature: numberFlag('T', '0 always takes the likeliest token', { min: 0, max: 1_000 }, "the model's own, else 0.8"),
  'top-k': integerFlag('K', 'only the K likeliest tokens; 0 for all', { min: 0, max: 2 ** 22 }, "the model's own, else 40"),
  'top-p': numberFlag('P', 'only the likeliest tokens that reach this probability', { min: 0, max: 1 }, "the model's own, else 0.95"),
  'min-p': numberFlag('P', 'only tokens this fraction as likely as the likeliest', { min: 0, max: 1 }, "the model's own, else 0.05"),
  seed: integerFlag('N', 'makes drawing repeatable', { min: 0, max: ANY }, 'random'),
  stop: listFlag('TEXT', 'ends the answer where it appears, and is not printed'),
}

/** Flags of {@link SPEECH_FLAGS}. */
type SpeechFlags = {
  readonly language: Flag<string | undefined>
  readonly timestamps: Flag<boolean>
  readonly translate: Flag<boolean>
}

/** What a model that hears listens for. */
export const SPEECH_FLAGS: SpeechFlags = {
  language: textFlag('NAME', 'the language that is spoken: a code such as de, or its English name', 'found out'),
  timestamps: switchFlag('tells when each piece of text is spoken'),
  translate: switchFlag('writes English, whatever is spoken'),
}

/** Options of `load` as the flags say. */
export function loadOptions(flags: FlagValues<LoadFlags>): LoadOptions {
  const { context, threads, backend, precision, target, tokenizer } = flags
  return { context, threads, backend, precision, kvType: flags['kv-type'], target, tokenizer }
}

/** Options of `load` for language models as the flags say. */
export function schedulingOptions(flags: FlagValues<SchedulingFlags>): LoadOptions {
  return {
    stallMs: flags['stall-ms'],
    maxWaiting: flags['max-waiting'],
    prefixCacheFolder: flags['prefix-cache-folder'],
    prefixCacheBytes: flags['prefix-cache-bytes'],
  }
}

/** Options of `generate` as the flags say. */
export function generateOptions(flags: FlagValues<SamplingFlags>): GenerateOptions {
  const { temperature, seed, stop } = flags
  return {
    maxTokens: flags['max-tokens'],
    temperature,
    topK: flags['top-k'],
    topP: flags['top-p'],
    minP: flags['min-p'],
    seed,
    ...(stop.length > 0 ? { stop } : {}),
  }
}

import type { RandomLengths, ServiceLevels } from '../eval/index.ts'
import { parseServiceLevels } from '../eval/index.ts'
import { choiceFlag, type Flag, integerFlag, numberFlag, switchFlag, textFlag, usageError } from './flags.ts'
import { LOAD_FLAGS } from './model-flags.ts'

const MAX_REQUESTS = 1_000_000
const MAX_TOKENS = 2 ** 20
const MAX_POINTS = 32
const ANY = Number.MAX_SAFE_INTEGER

/** Lengths of prompts and answers unless told. */
export const DEFAULT_LENGTHS: RandomLengths = { inputTokens: 256, outputTokens: 64, rangeRatio: 0, prefixTokens: 0 }

type BenchFlags = typeof LOAD_FLAGS & {
  readonly concurrency: Flag<readonly number[] | undefined>
  readonly rate: Flag<readonly number[] | undefined>
  readonly burstiness: Flag<number | undefined>
  readonly requests: Flag<number | undefined>
  readonly warmup: Flag<number | undefined>
  readonly 'input-tokens': Flag<number | undefined>
  readonly 'output-tokens': Flag<number | undefined>
  readonly 'range-ratio': Flag<number | undefined>
  readonly 'prefix-tokens': Flag<number | undefined>
  readonly dataset: Flag<string | undefined>
  readonly eos: Flag<'ignore' | 'stop' | undefined>
  readonly temperature: Flag<number | undefined>
  readonly seed: Flag<number | undefined>
  readonly goodput: Flag<ServiceLevels | undefined>
  readonly model: Flag<string | undefined>
  readonly 'api-key': Flag<string | undefined>
  readonly endpoint: Flag<'completions' | 'chat' | undefined>
  readonly output: Flag<string | undefined>
  readonly svg: Flag<string | undefined>
  readonly html: Flag<string | undefined>
  readonly details: Flag<boolean>
}

/** Flags of `hence bench`. */
export const BENCH_FLAGS: BenchFlags = {
  concurrency: listOfNumbers('N,…', 'users who each ask again once answered; several for a sweep', 1, 65_536, '1 without a rate', true),
  rate: listOfNumbers('R,…', 'requests per second that come at random, or inf; several for a sweep', 1e-6, 1e6, 'none'),
  burstiness: numberFlag('B', 'with --rate: below 1 requests come in bursts, above 1 more evenly', { min: 1e-3, max: 1e6 }, '1: Poisson'),
  requests: integerFlag('N', 'requests at each point', { min: 1, max: MAX_REQUESTS }, '8 for each user, at least 16; 100 with a rate'),
  warmup: integerFlag('N', 'requests before each point that are not measured', { min: 0, max: 65_536 }, 'as many as users, at most 8'),
  'input-tokens': integerFlag('N', 'length of random prompts', { min: 1, max: MAX_TOKENS }, String(DEFAULT_LENGTHS.inputTokens)),
  'output-tokens': integerFlag('N', 'most tokens of an answer', { min: 1, max: MAX_TOKENS }, String(DEFAULT_LENGTHS.outputTokens)),
  'range-ratio': numberFlag('F', 'spreads both lengths over n·(1−F) to n·(1+F)', { min: 0, max: 0.999 }, '0'),
  'prefix-tokens': integerFlag('N', 'beginning that random prompts share, as a part of their length', { min: 0, max: MAX_TOKENS }, '0'),
  dataset: textFlag('FILE.jsonl', 'prompts instead of random ones: a line each with messages or a prompt'),
  eos: choiceFlag(['ignore', 'stop'], 'whether answers go on to their full length', 'ignore with random prompts, stop with a dataset'),
  temperature: numberFlag('T', '0 always takes the likeliest token', { min: 0, max: 1_000 }, '0'),
  seed: integerFlag('N', 'makes prompts and arrivals repeatable', { min: 0, max: ANY }, 'random'),
  goodput: limitsFlag('ttft:MS,tpot:MS,e2el:MS', 'limits in milliseconds; counts the answers per second that keep all of them'),
  model: textFlag('NAME', 'of a URL: the model to ask for', 'the first that is listed'),
  'api-key': textFlag('KEY', 'of a URL: its key; better set HENCE_API_KEY, which nobody can list'),
  endpoint: choiceFlag(['completions', 'chat'], 'of a URL: what is asked', 'completions; chat for a dataset with messages'),
  output: textFlag('FILE.json', 'writes what --json prints'),
  svg: textFlag('FILE.svg', 'draws latency over throughput'),
  html: textFlag('FILE.html', 'writes a page with the picture and all numbers'),
  details: switchFlag('--json and --output tell of every request'),
  ...LOAD_FLAGS,
}

/** Numbers with commas between them. */
function listOfNumbers(
  placeholder: string,
  help: string,
  min: number,
  max: number,
  fallback: string,
  isWhole = false,
): Flag<readonly number[] | undefined> {
  return {
    help,
    placeholder,
    fallback,
    read(name, given) {
      const text = given.at(-1)
      if (text === undefined) return undefined
      const values = text.split(',').map(part => {
        if (!isWhole && part.trim() === 'inf') return Number.POSITIVE_INFINITY
        const value = part.trim() === '' ? Number.NaN : Number(part.replaceAll('_', ''))
        if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value
        const kind = isWhole ? `whole numbers from ${min} to ${max}` : `numbers from ${min} to ${max} or inf`
        throw usageError(`--${name} takes ${kind} with commas between them, is "${text}"`, { flag: name, value: text, min, max })
      })
      if (values.length > MAX_POINTS)
        throw usageError(`--${name} takes up to ${MAX_POINTS} numbers, has ${values.length}`, { flag: name, count: values.length })
      return values
    },
  }
}

function limitsFlag(placeholder: string, help: string): Flag<ServiceLevels | undefined> {
  return {
    help,
    placeholder,
    read(name, given) {
      const text = given.at(-1)
      try {
        return text === undefined ? undefined : parseServiceLevels(text)
      } catch (error) {
        throw usageError(`--${name}: ${(error as Error).message}`, { flag: name, value: text })
      }
    },
  }
}

import {
  type DatasetEntry,
  datasetRequests,
  isConversation,
  type LoadTarget,
  measureWords,
  modelTarget,
  openHttpTarget,
  parseDataset,
  type RequestSource,
  randomRequests,
  tokenPrompts,
  wordPrompts,
} from '../eval/index.ts'
import { readSmallFile } from '../formats/index.ts'
import { type BENCH_FLAGS, DEFAULT_LENGTHS } from './bench-flags.ts'
import { findSource } from './find-source.ts'
import type { FlagValues } from './flags.ts'
import { usageError } from './flags.ts'
import type { Io } from './io.ts'
import { loadModel } from './load-model.ts'
import { loadOptions } from './model-flags.ts'

const MAX_DATASET_BYTES = 2 ** 29
/** Tokens of a word where a server tells no numbers. */
const USUAL_WORD = { fixed: 0, perWord: 1.3 }

/** What is measured with, ready to be asked. */
export interface BenchSetup extends AsyncDisposable {
  readonly target: LoadTarget
  readonly requests: RequestSource
  /** Prompts that differ from one another. */
  readonly prompts: number
  /** What a person should know about how the numbers came about. */
  readonly notes: readonly string[]
}

interface SetupRequest {
  readonly source: string
  readonly flags: FlagValues<typeof BENCH_FLAGS> & { readonly json: boolean }
  readonly seed: number
  readonly io: Io
  readonly signal: AbortSignal
}

/** Opens a server by its URL, or loads a model. */
export async function openBench(request: SetupRequest): Promise<BenchSetup> {
  const { dataset } = request.flags
  if (/^[\w.-]+:\d+(\/|$)/.test(request.source))
    throw usageError(`${request.source} looks like the address of a server`, {
      hint: `An address begins with its scheme: http://${request.source}`,
    })
  const entries = dataset === undefined ? undefined : await readDataset(dataset)
  return /^https?:\/\//i.test(request.source) ? openServer(request, entries) : openModel(request, entries)
}

async function readDataset(path: string): Promise<DatasetEntry[]> {
  return parseDataset(new TextDecoder().decode(await readSmallFile(path, MAX_DATASET_BYTES)), path)
}

async function openServer({ source, flags, seed, io, signal }: SetupRequest, entries: DatasetEntry[] | undefined): Promise<BenchSetup> {
  const hasConversations = entries?.some(({ prompt }) => isConversation(prompt)) ?? false
  if (hasConversations && flags.endpoint === 'completions')
    throw usageError(`${flags.dataset} has conversations, which --endpoint completions does not take`, { flag: 'endpoint' })
  const target = await openHttpTarget({
    url: source,
    model: flags.model,
    apiKey: flags['api-key'] ?? io.env['HENCE_API_KEY'] ?? io.env['OPENAI_API_KEY'],
    endpoint: flags.endpoint ?? (hasConversations ? 'chat' : 'completions'),
    temperature: flags.temperature ?? 0,
    signal,
  })
  const nothing = async (): Promise<void> => {}
  if (entries) return { target, ...ofDataset(entries, flags, seed), [Symbol.asyncDispose]: nothing }
  const lengths = lengthsOf(flags)
  const cost = await measureWords(target, lengths.inputTokens, seed, signal)
  const requests = randomRequests(lengths, seed, flags.eos !== 'stop', wordPrompts(cost ?? USUAL_WORD))
  const notes = cost ? [] : ['the server does not tell how many tokens a prompt has; lengths of prompts are a guess']
  return { target, requests, prompts: Number.POSITIVE_INFINITY, notes, [Symbol.asyncDispose]: nothing }
}

async function openModel({ source, flags, seed, io }: SetupRequest, entries: DatasetEntry[] | undefined): Promise<BenchSetup> {
  for (const name of ['model', 'api-key', 'endpoint'] as const)
    if (flags[name] !== undefined) throw usageError(`--${name} goes with a URL, and ${source} is none`, { flag: name })
  const model = await loadModel(await findSource(source, io, flags.json), loadOptions(flags), io, flags.json)
  const dispose = (): Promise<void> => model[Symbol.asyncDispose]()
  const target = modelTarget(model, { temperature: flags.temperature ?? 0 })
  if (entries) return { target, ...ofDataset(entries, flags, seed), [Symbol.asyncDispose]: dispose }
  const { vocabulary, hasTokenizer } = model.describe()
  const make = tokenPrompts(vocabulary, token => hasTokenizer && model.detokenize([token]) === '')
  const requests = randomRequests(lengthsOf(flags), seed, flags.eos !== 'stop', make)
  return { target, requests, prompts: Number.POSITIVE_INFINITY, notes: [], [Symbol.asyncDispose]: dispose }
}

function ofDataset(
  entries: DatasetEntry[],
  flags: SetupRequest['flags'],
  seed: number,
): Pick<BenchSetup, 'requests' | 'prompts' | 'notes'> {
  const outputTokens = flags['output-tokens'] ?? DEFAULT_LENGTHS.outputTokens
  return {
    requests: datasetRequests(entries, { seed, outputTokens, ignoreEos: flags.eos === 'ignore' }),
    prompts: entries.length,
    notes: [],
  }
}

/** Lengths of random prompts as the flags say. */
export function lengthsOf(flags: FlagValues<typeof BENCH_FLAGS>): typeof DEFAULT_LENGTHS {
  return {
    inputTokens: flags['input-tokens'] ?? DEFAULT_LENGTHS.inputTokens,
    outputTokens: flags['output-tokens'] ?? DEFAULT_LENGTHS.outputTokens,
    rangeRatio: flags['range-ratio'] ?? DEFAULT_LENGTHS.rangeRatio,
    prefixTokens: flags['prefix-tokens'] ?? DEFAULT_LENGTHS.prefixTokens,
  }
}

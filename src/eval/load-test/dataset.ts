import { type ChatMessage, HenceError, Rng } from '../../core/index.ts'
import type { LoadRequest } from './load-target.ts'
import type { RequestSource } from './prompts.ts'

/** Most prompts that are taken from a dataset. */
const MAX_LINES = 1_000_000

/** A prompt of a dataset, with the length of its answer where the dataset says one. */
export interface DatasetEntry {
  readonly prompt: string | readonly ChatMessage[]
  readonly maxTokens?: number
}

/**
 * Reads a dataset: one JSON object on each line, with `messages` as OpenAI's API has them or a text as `prompt`, and perhaps
 * `max_tokens`. Lines of OpenAI's batch files have all this in `body`.
 *
 * @param name - of the file, for messages
 * @throws HenceError `FILE_MALFORMED` with the line
 */
export function parseDataset(text: string, name: string): DatasetEntry[] {
  const entries: DatasetEntry[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const fail = (problem: string): HenceError =>
      new HenceError('FILE_MALFORMED', `${name}, line ${index + 1}: ${problem}`, {
        path: name,
        line: index + 1,
        hint: 'Every line is a JSON object with "messages" or "prompt".',
      })
    if (entries.length === MAX_LINES) throw fail(`there are more than ${MAX_LINES} prompts`)
    entries.push(entryOf(line, fail))
  }
  if (entries.length === 0) throw new HenceError('FILE_MALFORMED', `${name} has no prompts`, { path: name })
  return entries
}

function entryOf(line: string, fail: (problem: string) => HenceError): DatasetEntry {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    throw fail('is no JSON')
  }
  const { body } = (parsed ?? {}) as { body?: unknown }
  const source = (typeof body === 'object' && body !== null ? body : parsed) as Record<string, unknown> | null
  const { messages, prompt, max_tokens, max_completion_tokens } = source ?? {}
  const most = max_tokens ?? max_completion_tokens
  if (most !== undefined && !(Number.isSafeInteger(most) && (most as number) > 0)) throw fail('max_tokens is no whole number above 0')
  const limit = most === undefined ? {} : { maxTokens: most as number }
  if (typeof prompt === 'string' && prompt !== '') return { prompt, ...limit }
  if (!Array.isArray(messages) || messages.length === 0) throw fail('has neither messages nor a prompt')
  if (!messages.every(message => typeof (message as ChatMessage | null)?.role === 'string')) throw fail('a message has no role')
  return { prompt: messages as ChatMessage[], ...limit }
}

/** Requests in the order of a dataset shuffled by a seed, over and over. */
export function datasetRequests(
  entries: readonly DatasetEntry[],
  { seed, outputTokens, ignoreEos }: { readonly seed: number; readonly outputTokens: number } & Pick<LoadRequest, 'ignoreEos'>,
): RequestSource {
  const order = entries.map((_, index) => index)
  const rng = new Rng(seed)
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.below(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return index => {
    const { prompt, maxTokens = outputTokens } = entries[order[index % order.length]!]!
    return { prompt, maxTokens, ignoreEos }
  }
}

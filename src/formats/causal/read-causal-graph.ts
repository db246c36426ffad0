import { HenceError } from '../../core/index.ts'
import { readSmallFile } from '../json-file.ts'

/** A file with a causal graph: its text, or the parts that it lists. Nothing in them is checked. */
export interface CausalGraphFile {
  readonly path: string
  readonly bytes: number
  readonly graph: string | CausalGraphData
}

/** A causal graph as JSON has it, beside `"format": "hence-causal"`. */
export interface CausalGraphData {
  readonly variables: string[]
  readonly arrows: [string, string][]
  readonly confounded: [string, string][]
  readonly hidden: string[]
}

const MAX_BYTES = 2 ** 24

/** Reads a causal graph, text or JSON. @throws HenceError `FILE_MALFORMED` for JSON of another shape, `FILE_LIMIT` */
export async function readCausalGraph(path: string, signal?: AbortSignal): Promise<CausalGraphFile> {
  const bytes = await readSmallFile(path, MAX_BYTES, signal)
  const text = new TextDecoder().decode(bytes)
  return { path, bytes: bytes.length, graph: /^\s*\{/.test(text) ? readJson(text, path) : text }
}

function readJson(text: string, path: string): CausalGraphData {
  let content: Record<string, unknown>
  try {
    content = JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new HenceError('FILE_MALFORMED', `${path} begins as JSON but is not`, { path, cause })
  }
  const isName = (value: unknown): value is string => typeof value === 'string'
  const isPair = (value: unknown): value is [string, string] => Array.isArray(value) && value.length === 2 && value.every(isName)
  const list = <T>(key: string, isItem: (value: unknown) => value is T, what: string): T[] => {
    const value = content[key] ?? []
    if (Array.isArray(value) && value.every(isItem)) return value
    throw new HenceError('FILE_MALFORMED', `${path}: "${key}" must be a list of ${what}`, { path, key })
  }
  return {
    variables: list('variables', isName, 'names'),
    arrows: list('arrows', isPair, 'pairs [cause, effect]'),
    confounded: list('confounded', isPair, 'pairs of names'),
    hidden: list('hidden', isName, 'names'),
  }
}

import { readFileSync } from 'node:fs'
import type { Family } from './recipe.ts'

/** What a family's model answers, as `make.py` wrote it; its header says what every field is. */
export interface Expected {
  readonly tensors: Readonly<Record<string, number>>
  readonly prompt: { readonly length: number; readonly start: readonly number[]; readonly end: readonly number[]; readonly sum: number }
  readonly vocabularyIds: readonly number[]
  readonly rows: readonly ExpectedRow[]
  readonly float64: readonly { readonly position: number; readonly logits: readonly number[] }[]
  readonly noise: Readonly<Record<'logits' | 'max' | 'mean' | 'norm' | 'blockSums' | 'exactAngles', number>>
  readonly sensitivity: Readonly<Record<string, number>>
  readonly greedy: { readonly ids: readonly number[]; readonly smallestMargin: number }
}

/** The logits of one position. */
export interface ExpectedRow extends RowDigest {
  readonly position: number
}

/** A row of logits in few numbers; each is compared with a tolerance. */
export interface RowDigest {
  readonly logits: readonly number[]
  readonly max: number
  readonly argmax: number
  /** Lead of the largest logit over the second. */
  readonly margin: number
  readonly mean: number
  readonly norm: number
  /** Sums of equal consecutive parts of the row. */
  readonly blockSums: readonly number[]
}

/** Reads `expected/<family>.json`. */
export function readExpected(family: Family): Expected {
  return JSON.parse(readFileSync(new URL(`expected/${family}.json`, import.meta.url), 'utf8')) as Expected
}

/** The digest of a row of logits `[vocabulary]`, summed in f64. */
export function digestRow(row: Float32Array, vocabularyIds: readonly number[], blockCount: number): RowDigest {
  const blockSums = new Array<number>(blockCount).fill(0)
  const blockLength = row.length / blockCount
  let [argmax, max, second, sum, squares] = [-1, -Infinity, -Infinity, 0, 0]
  for (let i = 0; i < row.length; i++) {
    const value = row[i]!
    if (value > max) [argmax, max, second] = [i, value, max]
    else if (value > second) second = value
    sum += value
    squares += value * value
    blockSums[Math.floor(i / blockLength)]! += value
  }
  const logits = vocabularyIds.map(id => row[id]!)
  return { logits, max, argmax, margin: max - second, mean: sum / row.length, norm: Math.sqrt(squares), blockSums }
}

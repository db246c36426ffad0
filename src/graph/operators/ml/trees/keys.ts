import type { GraphTensor, OperatorCall } from '../../../operator.ts'
import { numbersOf } from '../../support/index.ts'
import type { Column, NormalForest } from './normal-forest.ts'

/** Keys of missing values: below and above every other key. */
const [LEAST, MOST] = [-0x80000000, 0x7fffffff] as const

/** The key a node compares with that leads nothing left but missing values it wants there. */
export const NEVER: number = LEAST

/** True for the key of a missing value that goes left. */
export function isMissingLeft(key: number): boolean {
  return key === LEAST
}

/** Writes the keys of some rows, `[rows, columns of the forest]`. */
export type KeyWriter = (firstRow: number, rows: number, keys: Int32Array) => void

/**
 * Integers in the place of values, ordered as they are: what trees compare is integers, in which nothing is missing and
 * nothing needs rounding.
 */
export interface KeySpace {
  /** Key of a threshold of a feature. For `x < t` the key before it serves. */
  thresholdKey(feature: number, threshold: number): number
  /** Made once for the columns of a forest; the result reads inputs of `width` features per row. */
  reader(columns: readonly Column[]): KeyReader
}

/** Opens an input for reading. */
export type KeyReader = (call: OperatorCall, input: GraphTensor, width: number) => KeyWriter

const scratch = new Float32Array(1)
const scratchBits = new Int32Array(scratch.buffer)

/** The bits of float32, turned so that they are ordered as integers; zeros have one key. For thresholds that are float32 too. */
export const float32Keys: KeySpace = {
  thresholdKey: (_, threshold) => {
    // Adding zero turns -0 into 0.
    scratch[0] = threshold + 0
    const bits = scratchBits[0]!
    return bits ^ ((bits >> 31) & 0x7fffffff)
  },
  reader: columns => {
    const features = Int32Array.from(columns, column => column.feature)
    const missing = Int32Array.from(columns, column => (column.missingLeft ? LEAST : MOST))
    const count = columns.length
    return (call, input, width) => {
      const bits = float32Bits(call, input)
      return (firstRow, rows, keys) => {
        for (let row = 0, write = 0; row < rows; row++) {
          const start = (firstRow + row) * width
          for (let at = 0; at < count; at++, write++) {
            const value = bits[start + features[at]!]!
            const magnitude = value & 0x7fffffff
            if (magnitude > 0x7f800000) keys[write] = missing[at]!
            else keys[write] = magnitude === 0 ? 0 : value ^ ((value >> 31) & 0x7fffffff)
          }
        }
      }
    }
  },
}

function float32Bits(call: OperatorCall, input: GraphTensor): Int32Array {
  const { data } = input
  const floats = data instanceof Float32Array && input.dtype === 'f32' ? data : new Float32Array(numbersOf(call, input))
  return new Int32Array(floats.buffer, floats.byteOffset, floats.length)
}

/**
 * Ranks among the thresholds of a feature: `2k + 1` for the k-th, `2k` for values between it and the one before. Exact for
 * thresholds and values of any type.
 */
export function rankKeys(forest: NormalForest): KeySpace {
  const { nodes, columns, columnOf, tests } = forest
  const values = new Map<number, Set<number>>()
  for (let node = 0; node < tests.length; node++) {
    const column = columns[columnOf[node]!]
    if (!column || nodes.trueChildren[node]! < 0) continue
    const own = values.get(column.feature) ?? new Set()
    values.set(column.feature, own)
    for (const value of nodes.members.get(node) ?? [nodes.thresholds[node]!]) if (!Number.isNaN(value)) own.add(value)
  }
  const sorted = new Map(Array.from(values, ([feature, own]) => [feature, Float64Array.from(own).sort()]))
  const rank = (thresholds: Float64Array, value: number): number => {
    let [low, high] = [0, thresholds.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (thresholds[middle]! < value) low = middle + 1
      else high = middle
    }
    return low * 2 + (thresholds[low] === value ? 1 : 0)
  }
  return {
    thresholdKey: (feature, threshold) => rank(sorted.get(feature)!, threshold),
    reader: own => {
      const thresholds = own.map(({ feature }) => sorted.get(feature)!)
      return (call, input, width) => {
        const numbers = numbersOf(call, input)
        return (firstRow, rows, keys) => {
          for (let row = 0, write = 0; row < rows; row++)
            for (let at = 0; at < own.length; at++, write++) {
              const { feature, missingLeft } = own[at]!
              const value = numbers[(firstRow + row) * width + feature]!
              keys[write] = Number.isNaN(value) ? (missingLeft ? LEAST : MOST) : rank(thresholds[at]!, value)
            }
        }
      }
    },
  }
}

import type { GraphNode } from '../graph.ts'
import type { Expand, Expansion } from './expansion.ts'

/** The attributes of these names, where the node has them. */
export function kept(x: Expansion, ...names: readonly string[]): GraphNode['attributes'] {
  return Object.fromEntries(names.flatMap(name => (x.attributes.raw(name) ? [[name, x.attributes.raw(name)!]] : [])))
}

/** An operation on what the codes at some positions stand for, whose result becomes codes with the grid at another one. */
export function onFloats(codesAt: readonly number[], gridAt: number, op: string, ...attributes: readonly string[]): Expand {
  return x => {
    if (!x.hasCodeGrid(gridAt) || !codesAt.every(position => x.hasGrid(position + 1)) || x.attributes.int('channels_last', 0) !== 0)
      return false
    const floats = codesAt.map(at => x.add('DequantizeLinear', [x.input(at), x.input(at + 1), x.input(at + 2)]))
    // A Softmax of com.microsoft says which operator set it is of.
    const version = op === 'Softmax' ? x.attributes.int('opset', 13) : undefined
    return x.finish('QuantizeLinear', [x.add(op, floats, kept(x, ...attributes), version), x.input(gridAt), x.input(gridAt + 1)])
  }
}

/** Scale and zero point of the result come first here, then codes, scale and zero point of each part. */
export const joined: Expand = x => {
  const starts = Array.from({ length: Math.max(0, Math.floor((x.inputCount - 2) / 3)) }, (_, i) => 2 + 3 * i)
  return starts.length > 0 && x.inputCount === 2 + 3 * starts.length && onFloats(starts, 0, 'Concat', 'axis')(x)
}

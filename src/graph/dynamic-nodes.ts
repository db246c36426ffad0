import type { GraphNode } from './graph.ts'

/** Operators whose results' sizes depend on the numbers they are given. */
const DATA_DEPENDENT = new Set(
  (
    'NonZero Unique Compress NonMaxSuppression If Loop Scan SequenceMap SequenceAt SequenceConstruct SequenceEmpty SequenceInsert ' +
    'SequenceErase SplitToSequence ConcatFromSequence Optional OptionalGetElement StringSplit ImageDecoder'
  ).split(' '),
)

/** Operands that state sizes, by operator. */
const SIZE_OPERANDS: Readonly<Record<string, readonly number[]>> = {
  AffineGrid: [1],
  BlackmanWindow: [0],
  CenterCropPad: [1],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  DFT: [1, 2],
  Expand: [1],
  HammingWindow: [0],
  HannWindow: [0],
  MaxUnpool: [2],
  MelWeightMatrix: [0, 1],
  OneHot: [1],
  Pad: [1, 3],
  Range: [0, 1, 2],
  Reshape: [1],
  Resize: [1, 2, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Squeeze: [1],
  STFT: [1, 3],
  Tile: [1],
  TopK: [1],
  Unsqueeze: [1],
  Upsample: [1],
}

/** True when the sizes of a node's results cannot be told from the types of its operands and the operands that are known. */
export function hasDynamicResults(node: GraphNode, isKnown: (value: string) => boolean): boolean {
  if (DATA_DEPENDENT.has(node.op)) return true
  const operands = node.op.startsWith('Reduce') ? [1] : (SIZE_OPERANDS[node.op] ?? [])
  return operands.some(i => (node.inputs[i] ?? '') !== '' && !isKnown(node.inputs[i]!))
}

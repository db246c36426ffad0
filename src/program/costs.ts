import { DTYPE_BYTES, elementCount } from '../core/index.ts'
import type { Buffer } from './buffer.ts'
import { type Dim, type DimValues, resolveDim, unitDim } from './dims.ts'
import type { CopyAttributes } from './ops/copy.ts'
import type { DenseAttentionAttributes } from './ops/dense-attention.ts'
import type { MapAttributes, MapExpression } from './ops/map.ts'
import type { PoolAttributes } from './ops/pool.ts'
import type { Instruction, Program } from './program.ts'

/** What an instruction takes of a machine. */
export interface InstructionCost {
  /** Arithmetic by the op's definition, a multiply-add counted as two; absent where the op does none or its operands do not tell. */
  readonly operations?: number
  /** The operations are products of 8-bit numbers. */
  readonly isOfBytes?: true
  /** Bytes of operands read and results written, each once. */
  readonly bytes: number
}

/** Shapes of the operands and of the first result, and the attributes. */
interface Sizes {
  readonly inputs: readonly (readonly number[] | undefined)[]
  readonly output: readonly number[]
  readonly attributes: Readonly<Record<string, unknown>>
}

type Operations = (sizes: Sizes) => number

const perOutput =
  (count: number): Operations =>
  ({ output }) =>
    elementCount(output) * count

/** Multiply-adds of a convolution: the taps of one filter for every number of the result. */
const convolution =
  (weight: number): Operations =>
  ({ inputs, output }) =>
    2 * elementCount(output) * elementCount(inputs[weight]!.slice(1))

const OPERATIONS: Readonly<Record<string, Operations>> = {
  batched_matmul: ({ inputs, output }) => 2 * elementCount(output) * inputs[0]!.at(-1)!,
  conv: convolution(1),
  // Every pixel meets every filter, wherever the strides put the products.
  conv_transpose: ({ inputs }) => 2 * elementCount(inputs[0]!.slice(0, -1)) * elementCount(inputs[1]!),
  cumulative: perOutput(1),
  dense_attention({ inputs, attributes }) {
    const { heads } = attributes as unknown as DenseAttentionAttributes
    const [query, key, value] = inputs as [readonly number[], readonly number[], readonly number[]]
    const isHeadsFirst = query.length === 4
    const kvHeads = (attributes as unknown as DenseAttentionAttributes).kvHeads
    const widths = (isHeadsFirst ? query.at(-1)! : query.at(-1)! / heads) + (isHeadsFirst ? value.at(-1)! : value.at(-1)! / kvHeads)
    return 2 * query[0]! * heads * query.at(-2)! * key.at(-2)! * widths
  },
  extreme: ({ inputs }) => elementCount(inputs[0]!),
  group_norm: perOutput(7),
  map: ({ output, attributes }) => elementCount(output) * countFunctions((attributes as unknown as MapAttributes).expression),
  matmul: ({ inputs }) => {
    const columns = inputs.slice(3).reduce((sum, shape, i) => sum + (i % 2 === 0 ? shape!.at(-2)! : 0), 0)
    return 2 * elementCount(inputs[0]!) * columns
  },
  norm: perOutput(5),
  pool: ({ output, attributes }) => elementCount(output) * elementCount((attributes as unknown as PoolAttributes).kernel),
  quantised_conv: convolution(3),
  quantised_matmul: ({ inputs, output }) => 2 * elementCount(output) * inputs[0]!.at(-1)!,
  recurrent: ({ inputs }) => 2 * inputs[0]![0]! * inputs[0]![1]! * elementCount(inputs[1]!),
  reduce: ({ inputs }) => elementCount(inputs[0]!),
  resize: ({ inputs, output }) => (inputs[2] ? 2 * elementCount(output) * (inputs[1]![1]! + inputs[3]![1]!) : 0),
  rope: perOutput(3),
  causal_conv: ({ inputs, output }) => 2 * elementCount(output) * inputs[1]![1]!,
  scatter_add: ({ inputs }) => 2 * elementCount(inputs[0]!),
  selective_scan: ({ inputs, output }) => 6 * elementCount(output) * inputs[2]![1]!,
  softmax: perOutput(4),
  top_k: ({ inputs }) => elementCount(inputs[0]!),
}

function countFunctions(expression: MapExpression): number {
  if ('input' in expression || 'constant' in expression) return 0
  return expression.slice(1).reduce((sum, branch) => sum + countFunctions(branch as MapExpression), 1)
}

/** Products of 8-bit numbers, the fourth operand a weight of them. */
const OF_BYTES: ReadonlySet<string> = new Set(['quantised_matmul', 'quantised_conv'])

/** Ops that read only the rows their indices choose. */
const TABLES: ReadonlySet<string> = new Set(['gather', 'take'])

/**
 * The share of its weights that a matmul reads at most: of experts as many as there are rows, 1 of anything else.
 *
 * @param rowsOf - value of the rows; by default that of one token
 */
export function expertShare(buffers: readonly Buffer[], { op, inputs }: Instruction, rowsOf: (rows: Dim) => number = unitDim): number {
  if (op !== 'matmul' || typeof inputs[1] !== 'number') return 1
  return Math.min(1, rowsOf(buffers[inputs[0]!]!.shape[0]!) / (buffers[inputs[3]!]!.shape[0] as number))
}

/** Arithmetic and memory traffic of an instruction, as its op's definition says; what a kernel saves is not taken off. */
export function costOf({ buffers }: Program, instruction: Instruction, dims: DimValues = {}): InstructionCost {
  const { op, inputs, outputs, attributes } = instruction
  const shapeOf = (id: number): number[] => buffers[id]!.shape.map(dim => resolveDim(dim, dims))
  const bytesOf = (id: number): number => elementCount(shapeOf(id)) * DTYPE_BYTES[buffers[id]!.dtype]
  const written = outputs.reduce((sum, id) => sum + bytesOf(id), 0)
  const given = [...new Set(inputs.filter(id => id !== null))]
  const share = expertShare(buffers, instruction, rows => resolveDim(rows, dims))
  const readBytes = (id: number): number => {
    if (TABLES.has(op) && id === inputs[0]) return Math.min(written, bytesOf(id))
    if (OF_BYTES.has(op) && id === inputs[3]) return elementCount(shapeOf(id))
    return buffers[id]!.role === 'weight' ? share * bytesOf(id) : bytesOf(id)
  }
  const read =
    op === 'copy'
      ? copiedBytes(
          attributes as unknown as CopyAttributes,
          outputs.map(bytesOf)[0]! / Math.max(1, elementCount(shapeOf(outputs[0]!))),
          dims,
        )
      : given.reduce((sum, id) => sum + readBytes(id), 0)
  const count = OPERATIONS[op]
  const cost = { bytes: read + written }
  if (!count || outputs.length === 0) return cost
  return {
    operations: count({ inputs: inputs.map(id => (id === null ? undefined : shapeOf(id))), output: shapeOf(outputs[0]!), attributes }),
    ...(OF_BYTES.has(op) ? { isOfBytes: true } : {}),
    ...cost,
  }
}

function copiedBytes({ parts }: CopyAttributes, elementBytes: number, dims: DimValues): number {
  const count = parts.reduce(
    (sum, { input, shape }) => sum + (input === undefined ? 0 : elementCount(shape.map(dim => resolveDim(dim, dims)))),
    0,
  )
  return count * elementBytes
}

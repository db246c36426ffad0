import { HenceError } from '../../core/index.ts'
import {
  type AttentionAttributes,
  type BatchedMatmulAttributes,
  type Buffer,
  type CausalConvAttributes,
  type CopyAttributes,
  type CumulativeAttributes,
  type DenseAttentionAttributes,
  type Dim,
  type ExtremeAttributes,
  type GroupNormAttributes,
  type Instruction,
  KV_TYPES,
  type KvType,
  kvPoolHeads,
  type MapAttributes,
  type MatmulAttributes,
  type NormAttributes,
  type Program,
  productDim,
  type RaggedAttentionAttributes,
  type RecurrentAttributes,
  type ReduceAttributes,
  type RopeAttributes,
  type RotaryTableAttributes,
  type RouteAttributes,
  type SelectiveScanAttributes,
  type SoftmaxAttributes,
  type TakeAttributes,
  type TopKAttributes,
  type TreeEnsembleAttributes,
} from '../../program/index.ts'
import { convTransposeForm } from './conv-transpose-weights.ts'
import { encodeBatchedMatmul } from './encode-batched-matmul.ts'
import { encodeCopy, hasCopyKernel } from './encode-copy.ts'
import { encodeDenseAttention } from './encode-dense-attention.ts'
import { encodeFinish } from './encode-finish.ts'
import { convForm, encodeConv, encodeConvTranspose, encodePool } from './encode-image.ts'
import { encodeMap, hasMapKernel } from './encode-map.ts'
import { encodeQuantisedConv, encodeQuantisedMatmul } from './encode-quantised.ts'
import { encodeRaggedAttention } from './encode-ragged-attention.ts'
import { encodeRecurrent, recurrentForm } from './encode-recurrent.ts'
import { CHANNELS_FORM, encodeCausalConv, encodeSelectiveScan } from './encode-recurrent-state.ts'
import { encodeReduce } from './encode-reduce.ts'
import { encodeResize, hasResizeKernel } from './encode-resize.ts'
import { Encoder, useKey, type WeightForm, type WeightUse } from './encoder.ts'
import { hasQuantisedKernel, quantisedForm } from './quantised-weights.ts'

/** The numbers native code knows things by; the orders of the enums in native/kernels.h and native/executor.h. */
const OPCODES = [
  'matmul',
  'gather',
  'gather_rows',
  'norm',
  'rotary_table',
  'rope',
  'kv_write',
  'attention',
  'map',
  'softmax',
  'argmax',
  'copy',
  'reduce',
  'conv',
  'pool',
  'batched_matmul',
  'take',
  'dense_attention',
  'conv_transpose',
  'resize',
  'group_norm',
  'extreme',
  'top_k',
  'cumulative',
  'quantised_matmul',
  'quantised_conv',
  'recurrent',
  'tree_ensemble',
  'ragged_attention',
  'grouped_matmul',
  'route',
  'scatter_add',
  'selective_scan',
  'causal_conv',
]
const MAX_FUSED_WEIGHTS = 4
const NONE = 0xffffffff

/** A stretch of a program: instructions `[begin, end)`, run natively as words `[wordBegin, wordEnd)` or by the host. */
export interface Segment {
  readonly kind: 'native' | 'host'
  readonly begin: number
  readonly end: number
  readonly wordBegin: number
  readonly wordEnd: number
}

/** A program in the form native/executor.h describes. */
export interface EncodedProgram {
  readonly words: Uint32Array
  readonly floats: Float32Array
  /** The dim behind each dim word; their values are given at every run. */
  readonly dims: readonly Dim[]
  /** The weight behind each matrix word. */
  readonly matrices: readonly WeightUse[]
  readonly segments: readonly Segment[]
  /** Every blocks operand of an attention: bounds the longest sequence. */
  readonly blockTables: readonly number[]
}

/** Encodes every instruction that has a kernel; runs of the others become host segments. */
export function encodeProgram(program: Program): EncodedProgram {
  const encoder = new Encoder()
  const segments: Segment[] = []
  for (const [at, instruction] of program.instructions.entries()) {
    const kind = hasKernel(program, instruction) ? 'native' : 'host'
    const wordBegin = encoder.words.length
    if (kind === 'native') {
      const [opcode, operands] = encodeInstruction(program, instruction, encoder)
      encoder.words.push(OPCODES.indexOf(opcode), operands.length, ...operands)
    }
    const last = segments.at(-1)
    const segment = { kind, begin: at, end: at + 1, wordBegin, wordEnd: encoder.words.length } as const
    if (last?.kind === kind) segments[segments.length - 1] = { ...segment, begin: last.begin, wordBegin: last.wordBegin }
    else segments.push(segment)
  }
  return {
    words: Uint32Array.from(encoder.words),
    floats: Float32Array.from(encoder.floats),
    dims: encoder.dims,
    matrices: encoder.matrices,
    segments,
    blockTables: program.instructions.filter(({ op }) => op === 'attention').map(({ inputs }) => inputs[6]!),
  }
}

/** Every weight that kernels read, once in each form they want it in. */
export function weightUses(program: Program): readonly WeightUse[] {
  const uses = new Map<string, WeightUse>()
  for (const instruction of program.instructions) {
    if (!hasKernel(program, instruction)) continue
    for (const [position, buffer] of instruction.inputs.entries()) {
      if (buffer === null || program.buffers[buffer]!.role !== 'weight') continue
      const use = { buffer, form: formOf(program, instruction, position) }
      uses.set(useKey(use), use)
    }
  }
  return [...uses.values()]
}

function formOf(program: Program, instruction: Instruction, position: number): WeightForm {
  const { op } = instruction
  if (op === 'conv' && position === 1) return convForm(program, instruction)
  if (op === 'conv_transpose' && position === 1) return convTransposeForm(instruction.attributes)
  if (op.startsWith('quantised_') && position === 3) return quantisedForm(program, instruction)
  if (op === 'recurrent' && position === 1) return recurrentForm(instruction.attributes as unknown as RecurrentAttributes)
  if ((op === 'selective_scan' && position === 2) || (op === 'causal_conv' && position === 1)) return CHANNELS_FORM
  if (op === 'matmul' && position >= 3 && position % 2 === 1) {
    const { shape } = program.buffers[instruction.inputs[position]!]!
    return instruction.inputs[1] === null ? 'packed' : { experts: shape[0] as number }
  }
  return op === 'gather' && position === 0 ? 'packed' : 'dense'
}

/** True when native code has a kernel for the instruction as it stands. */
function hasKernel(program: Program, instruction: Instruction): boolean {
  const { op, inputs, attributes } = instruction
  const roleOf = (position: number) => program.buffers[inputs[position] ?? -1]?.role
  switch (op) {
    case 'matmul':
      return (
        (inputs.length - 3) / 2 <= MAX_FUSED_WEIGHTS &&
        inputs.every((id, i) => i < 3 || i % 2 === 0 || program.buffers[id!]!.role === 'weight')
      )
    case 'gather':
      return roleOf(0) !== 'weight' || program.buffers[inputs[0]!]!.shape.length === 2
    case 'conv':
    case 'conv_transpose':
    case 'recurrent':
    case 'causal_conv':
      return roleOf(1) === 'weight'
    case 'selective_scan':
      return roleOf(2) === 'weight'
    case 'resize':
      return hasResizeKernel(program, instruction)
    case 'copy':
      return hasCopyKernel(attributes as unknown as CopyAttributes)
    case 'map':
      return hasMapKernel(inputs.length, attributes as unknown as MapAttributes)
    case 'quantised_matmul':
    case 'quantised_conv':
      return hasQuantisedKernel(program, instruction)
    default:
      return OPCODES.includes(op)
  }
}

function encodeInstruction(program: Program, instruction: Instruction, encoder: Encoder): [opcode: string, operands: number[]] {
  const { op, inputs, outputs } = instruction
  const attributes = instruction.attributes as unknown
  const shape = (position: number): readonly Dim[] => program.buffers[inputs[position]!]!.shape
  const count = (dims: readonly Dim[]): number => encoder.dim(productDim(...dims))
  const rows = (dims: readonly Dim[]): number => count(dims.slice(0, -1))
  const width = (dims: readonly Dim[]): number => encoder.dim(dims.at(-1) ?? 1)
  /** Elements before an axis, along it, and after it. */
  const around = (dims: readonly Dim[], axis: number): number[] => [
    count(dims.slice(0, axis)),
    encoder.dim(dims[axis] ?? 1),
    count(dims.slice(axis + 1)),
  ]
  const ids = inputs.map(id => id ?? NONE)
  const operands = inputs.map(id => (id === null ? undefined : program.buffers[id]))
  const [a, b, c, d, e] = ids as [number, number, number, number, number]
  const [y] = outputs as [number]
  switch (op) {
    case 'matmul': {
      const finish = encodeFinish(attributes as MatmulAttributes, encoder)
      const precision = ['', 'fast', 'exact'].indexOf((attributes as MatmulAttributes).precision ?? '')
      if (inputs[1] !== null) {
        const experts = shape(3)[0] as number
        const matrices = outputs.flatMap((output, i) => [
          encoder.matrix(inputs[3 + 2 * i]!, { experts }),
          ids[4 + 2 * i]!,
          output,
          shape(3 + 2 * i)[1] as number,
        ])
        return ['grouped_matmul', [a, b, rows(shape(0)), experts, precision, ...finish, c, outputs.length, ...matrices]]
      }
      const weights = outputs.flatMap((output, i) => [encoder.matrix(inputs[3 + 2 * i]!), ids[4 + 2 * i]!, output])
      return [op, [a, rows(shape(0)), precision, ...finish, c, outputs.length, ...weights]]
    }
    case 'conv':
      return [op, encodeConv(program, instruction, encoder)]
    case 'quantised_matmul':
      return [op, encodeQuantisedMatmul(program, instruction, encoder)]
    case 'quantised_conv':
      return [op, encodeQuantisedConv(program, instruction, encoder)]
    case 'conv_transpose':
      return [op, encodeConvTranspose(program, instruction, encoder)]
    case 'pool':
      return [op, encodePool(program, instruction, encoder)]
    case 'gather': {
      if (program.buffers[a]!.role === 'weight') return [op, [encoder.matrix(a), b, y, encoder.dim(shape(1)[0]!)]]
      return ['gather_rows', [a, b, y, encoder.dim(shape(1)[0]!), encoder.dim(productDim(bytesOf(program, a), ...shape(0).slice(1)))]]
    }
    case 'norm': {
      const { kind, epsilon } = attributes as NormAttributes
      return [op, [a, b, c ?? NONE, y, rows(shape(0)), width(shape(0)), encoder.float(epsilon), kind === 'rms' ? 0 : 1]]
    }
    case 'rotary_table': {
      const { scale = 1 } = attributes as RotaryTableAttributes
      return [op, [a, b, y, encoder.dim(shape(0)[0]!), shape(1)[0] as number, encoder.float(scale)]]
    }
    case 'rope': {
      const { headDim, style } = attributes as RopeAttributes
      const [tokens, columns] = shape(0) as [Dim, number]
      return [op, [a, b, y, encoder.dim(tokens), columns / headDim, headDim, (shape(1)[1] as number) / 2, style === 'half' ? 0 : 1]]
    }
    case 'kv_write': {
      const pool = program.buffers[d]!
      const { kvHeads, headDim } = kvPoolHeads(op, 'keyPool', pool)
      return [op, [a, b, c, d, e, encoder.dim(shape(0)[0]!), kvHeads, headDim, kvTypeNumber(pool)]]
    }
    case 'attention': {
      const { heads, kvHeads, headDim, scale, causal = true, window = 0, softcap = 0 } = attributes as AttentionAttributes
      const bias = operands[8]
      const buffers = [...ids.slice(0, 7), ids[7] ?? NONE, ids[8] ?? NONE, y, encoder.dim(shape(0)[0]!), encoder.dim(shape(4)[0]!)]
      const type = kvTypeNumber(program.buffers[b]!)
      const reach = bias ? ((bias.shape[1] as number) - 1) / 2 : 0
      const numbers = [heads, kvHeads, headDim, Number(causal), window, reach, type]
      return [op, [...buffers, ...numbers, encoder.float(scale), encoder.float(softcap)]]
    }
    case 'map':
      return [op, [...encodeMap(operands as Buffer[], program.buffers[y]!, attributes as MapAttributes, encoder)]]
    case 'copy':
      return [op, [...encodeCopy(ids, y, program.buffers[y]!, attributes as CopyAttributes, encoder)]]
    case 'recurrent':
      return [op, [...encodeRecurrent(operands as Buffer[], outputs, attributes as RecurrentAttributes, encoder)]]
    case 'reduce':
      return [op, [a, y, ...encodeReduce(shape(0), attributes as ReduceAttributes, encoder)]]
    case 'batched_matmul':
      return [op, [...encodeBatchedMatmul(operands, program.buffers[y]!, attributes as BatchedMatmulAttributes, encoder)]]
    case 'dense_attention':
      return [op, [...encodeDenseAttention(operands, program.buffers[y]!, attributes as DenseAttentionAttributes, encoder)]]
    case 'ragged_attention':
      return [op, [...encodeRaggedAttention(operands, program.buffers[y]!, attributes as RaggedAttentionAttributes, encoder)]]
    case 'take': {
      const { axis } = attributes as TakeAttributes
      const rowBytes = encoder.dim(productDim(bytesOf(program, a), ...shape(0).slice(axis + 1)))
      return [op, [a, b, y, count(shape(0).slice(0, axis)), encoder.dim(shape(0)[axis]!), count(shape(1)), rowBytes]]
    }
    case 'tree_ensemble': {
      const { targets, columnBits, scale = 1 } = attributes as TreeEnsembleAttributes
      const [rowCount, features] = shape(0) as [Dim, Dim]
      const counts = [shape(2)[0] as number, shape(3)[0] as number, columnBits, targets]
      return [op, [...ids.slice(0, 7), ids[7] ?? NONE, y, encoder.dim(rowCount), encoder.dim(features), ...counts, encoder.float(scale)]]
    }
    case 'route': {
      const { expertsPerToken, normalize } = attributes as RouteAttributes
      const [tokens, experts] = shape(0) as [Dim, number]
      return [op, [a, ...outputs, encoder.dim(tokens), experts, expertsPerToken, Number(normalize)]]
    }
    case 'scatter_add':
      return [op, [a, b, c, d, y, encoder.dim(shape(0)[0]!), encoder.dim(shape(3)[0]!), width(shape(3))]]
    case 'selective_scan':
      return [op, encodeSelectiveScan(operands, y, attributes as SelectiveScanAttributes, encoder)]
    case 'causal_conv':
      return [op, encodeCausalConv(operands, y, attributes as CausalConvAttributes, encoder)]
    case 'softmax': {
      const { axis = Math.max(0, shape(0).length - 1) } = attributes as SoftmaxAttributes
      return [op, [a, y, ...around(shape(0), axis)]]
    }
    case 'resize':
      return [op, encodeResize(program, instruction, encoder)]
    case 'group_norm': {
      const { groups, epsilon } = attributes as GroupNormAttributes
      return [op, [a, b ?? NONE, c ?? NONE, y, ...shape(0).map(dim => encoder.dim(dim)), groups, encoder.float(epsilon)]]
    }
    case 'extreme': {
      const { axis, kind, last = false } = attributes as ExtremeAttributes
      return [op, [a, y, ...around(shape(0), axis), Number(kind === 'min'), Number(last)]]
    }
    case 'top_k': {
      const { k, smallest = false } = attributes as TopKAttributes
      return [op, [a, y, outputs[1]!, rows(shape(0)), width(shape(0)), encoder.dim(k), Number(smallest)]]
    }
    case 'cumulative': {
      const { axis, kind, exclusive = false, reverse = false } = attributes as CumulativeAttributes
      return [op, [a, y, ...around(shape(0), axis), Number(kind === 'prod'), Number(exclusive), Number(reverse)]]
    }
    case 'argmax':
      return [op, [a, y, rows(shape(0)), width(shape(0))]]
    default:
      throw new HenceError('PROGRAM_INVALID', `${op} has no native encoding`, { op })
  }
}

function bytesOf(program: Program, id: number): number {
  return { f64: 8, i64: 8, u64: 8, f16: 2, bf16: 2, i16: 2, u16: 2, i8: 1, u8: 1, bool: 1, f32: 4, i32: 4, u32: 4 }[
    program.buffers[id]!.dtype
  ]
}

/** The number native code knows the element type of a pool of keys or values by. */
function kvTypeNumber({ dtype }: Buffer): number {
  return KV_TYPES.indexOf(dtype as KvType)
}

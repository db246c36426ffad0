import { type Instruction, type Program, productDim, type QuantisedConvAttributes } from '../../program/index.ts'
import { encodeFinish } from './encode-finish.ts'
import { encodeWindow } from './encode-image.ts'
import type { Encoder } from './encoder.ts'
import { quantisedForm } from './quantised-weights.ts'

const NONE = 0xffffffff

/** Operand words: x, its scale and zero point, w and its, bias, residual, y, columns, flags, what happens to the sums; then rows. */
export function encodeQuantisedMatmul(program: Program, instruction: Instruction, encoder: Encoder): number[] {
  const x = program.buffers[instruction.inputs[0]!]!
  return [...encodeProduct(program, instruction, encoder), encoder.dim(productDim(...x.shape.slice(0, -1)))]
}

/** The same words, then the window and groups instead of rows. */
export function encodeQuantisedConv(program: Program, instruction: Instruction, encoder: Encoder): number[] {
  const attributes = instruction.attributes as unknown as QuantisedConvAttributes
  const [, height, width] = program.buffers[instruction.inputs[3]!]!.shape as readonly number[]
  const window = encodeWindow(program, instruction, [height!, width!], attributes, encoder)
  return [...encodeProduct(program, instruction, encoder), ...window, attributes.groups ?? 1]
}

function encodeProduct(program: Program, instruction: Instruction, encoder: Encoder): number[] {
  const { inputs, outputs } = instruction
  const attributes = instruction.attributes as unknown as QuantisedConvAttributes
  const ids = Array.from({ length: 8 }, (_, i) => inputs[i] ?? NONE)
  const hasMany = (position: number): boolean => inputs[position] != null && program.buffers[inputs[position]]!.shape[0] !== 1
  const isSigned = program.buffers[inputs[0]!]!.dtype === 'i8'
  const flags = [isSigned, attributes.weightType === 'u8', ...[1, 2, 4, 5].map(hasMany)]
  return [
    ...ids.slice(0, 3),
    encoder.matrix(inputs[3]!, quantisedForm(program, instruction)),
    ...ids.slice(4),
    outputs[0]!,
    program.buffers[inputs[3]!]!.shape[0] as number,
    flags.reduce((word, flag, bit) => word | (Number(flag) << bit), 0),
    ...encodeFinish(attributes, encoder),
  ]
}

import {
  type ConvAttributes,
  type ConvTransposeAttributes,
  type Instruction,
  type PoolAttributes,
  type Program,
  type WindowAttributes,
  windowOf,
} from '../../program/index.ts'
import { CONV_METHODS, convMethod } from './conv-plan.ts'
import { convTransposeForm } from './conv-transpose-weights.ts'
import type { ConvForm } from './conv-weights.ts'
import { encodeFinish } from './encode-finish.ts'
import type { Encoder } from './encoder.ts'

const NONE = 0xffffffff

/** The form of a convolution's weight. */
export function convForm(program: Program, instruction: Instruction): ConvForm {
  return { conv: convMethod(program, instruction), groups: (instruction.attributes as ConvAttributes).groups ?? 1 }
}

/** Operand words: x, w, bias, residual, y, the window, filters, groups, method, what happens to the sums. */
export function encodeConv(program: Program, instruction: Instruction, encoder: Encoder): number[] {
  const { inputs, outputs } = instruction
  const attributes = instruction.attributes as ConvAttributes
  const [x, weight, bias, residual] = inputs
  const [n, kernelHeight, kernelWidth] = program.buffers[weight!]!.shape as readonly number[]
  const form = convForm(program, instruction)
  return [
    x!,
    encoder.matrix(weight!, form),
    bias ?? NONE,
    residual ?? NONE,
    outputs[0]!,
    ...encodeWindow(program, instruction, [kernelHeight!, kernelWidth!], attributes, encoder),
    n!,
    form.groups,
    CONV_METHODS.indexOf(form.conv),
    ...encodeFinish(attributes, encoder),
  ]
}

/** Operand words: x, w, bias, y, the window, filters, groups, what happens to the sums. */
export function encodeConvTranspose(program: Program, instruction: Instruction, encoder: Encoder): number[] {
  const { inputs, outputs } = instruction
  const attributes = instruction.attributes as ConvTransposeAttributes
  const [x, weight, bias] = inputs
  const [n, kernelHeight, kernelWidth] = program.buffers[weight!]!.shape as readonly number[]
  return [
    x!,
    encoder.matrix(weight!, convTransposeForm(attributes)),
    bias ?? NONE,
    outputs[0]!,
    ...encodeWindow(program, instruction, [kernelHeight!, kernelWidth!], attributes, encoder),
    n!,
    attributes.groups ?? 1,
    ...encodeFinish(attributes, encoder),
  ]
}

/** Operand words: x, y, the window, padding at the bottom and the right, kind. */
export function encodePool(program: Program, instruction: Instruction, encoder: Encoder): number[] {
  const attributes = instruction.attributes as unknown as PoolAttributes
  const [, , bottom = 0, right = 0] = attributes.pads ?? []
  const kind = attributes.kind === 'max' ? 0 : attributes.counts === 'pads' ? 2 : 1
  const window = encodeWindow(program, instruction, attributes.kernel, attributes, encoder)
  return [instruction.inputs[0]!, instruction.outputs[0]!, ...window, bottom, right, kind]
}

/** The fields of `WindowShape` in native/kernels.h. */
export function encodeWindow(
  { buffers }: Program,
  { op, inputs, outputs }: Instruction,
  kernel: readonly [number, number],
  attributes: WindowAttributes,
  encoder: Encoder,
): number[] {
  const { strides, pads, dilations } = windowOf(op, kernel, attributes)
  const [batch, height, width, channels] = buffers[inputs[0]!]!.shape
  const [, outHeight, outWidth] = buffers[outputs[0]!]!.shape
  const sizes = [batch, height, width, outHeight, outWidth].map(dim => encoder.dim(dim!))
  return [...sizes, channels as number, ...kernel, ...strides, pads[0], pads[1], ...dilations]
}

import type { Buffer, Instruction, Program } from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

const NONE = 0xffffffff

/** True when the kernel may trust the tables: constants whose positions lie inside the image. */
export function hasResizeKernel({ buffers }: Program, { inputs }: Instruction): boolean {
  const [, height, width] = buffers[inputs[0]!]!.shape as readonly number[]
  const isInside = ({ role, data }: Buffer, size: number): boolean =>
    role === 'constant' && (data as Int32Array).every(position => position >= 0 && position < size)
  return isInside(buffers[inputs[1]!]!, height!) && isInside(buffers[inputs[3]!]!, width!)
}

/** Operand words: x, rows, their weights, columns, their weights, y, sizes, taps of each axis. */
export function encodeResize({ buffers }: Program, { inputs, outputs }: Instruction, encoder: Encoder): number[] {
  const [batch, height, width, channels] = buffers[inputs[0]!]!.shape
  const [, outHeight, outWidth] = buffers[outputs[0]!]!.shape
  const taps = [1, 3].map(position => buffers[inputs[position]!]!.shape[1] as number)
  const sizes = [batch, height, width, outHeight, outWidth, channels].map(dim => encoder.dim(dim!))
  return [...inputs.map(id => id ?? NONE), outputs[0]!, ...sizes, ...taps]
}

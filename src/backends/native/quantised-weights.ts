import type { Instruction, Program, QuantisedConvAttributes } from '../../program/index.ts'
import type { ConvForm } from './conv-weights.ts'

/** A weight of whole numbers laid out as signed bytes: one row a filter, each group filled up to whole panels. */
export interface QuantisedForm {
  readonly quantised: 'i8' | 'u8'
  readonly groups: number
}

const COLUMNS = 16
/** Products of a sum that f32 holds exactly: 2^24 / 255². */
const MOST_EXACT_TAPS = 256
/** Products of a sum that fits 32 bits: 2^31 / 255². */
const LONGEST_SUM = 33_000

/** True when the sums of a product or convolution of bytes fit what native code counts them in. */
export function hasQuantisedKernel({ buffers }: Program, { inputs }: Instruction): boolean {
  const weight = buffers[inputs[3]!]!
  return weight.role === 'weight' && sumLength(weight.shape as readonly number[]) <= LONGEST_SUM
}

/** The form of the weight of a product or convolution of bytes. Small filters of one channel are summed in f32. */
export function quantisedForm({ buffers }: Program, { inputs, attributes }: Instruction): QuantisedForm | ConvForm {
  const { groups = 1, weightType } = attributes as unknown as QuantisedConvAttributes
  const shape = buffers[inputs[3]!]!.shape as readonly number[]
  const isDepthwise = groups > 1 && groups === shape[0] && shape[3] === 1
  if (isDepthwise && sumLength(shape) <= MOST_EXACT_TAPS) return { conv: 'lanes', groups }
  return { quantised: weightType, groups }
}

function sumLength(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, size) => product * size, 1)
}

/** Rows and row length of the matrix that {@link quantisedRows} makes. */
export function quantisedMatrix({ groups }: QuantisedForm, shape: readonly number[]): { n: number; k: number } {
  return { n: groups * panelRows(shape[0]! / groups), k: sumLength(shape) }
}

/** The matrix of a weight `[n, …]` of signed codes, row-major. */
export function quantisedRows(form: QuantisedForm, shape: readonly number[], codes: Int8Array): Int8Array {
  const { n, k } = quantisedMatrix(form, shape)
  const rows = new Int8Array(n * k)
  const filters = shape[0]! / form.groups
  for (let group = 0; group < form.groups; group++)
    rows.set(codes.subarray(group * filters * k, (group + 1) * filters * k), group * panelRows(filters) * k)
  return rows
}

/** Whole numbers as signed bytes: from unsigned ones 128 is subtracted. */
export function signedCodes({ quantised }: QuantisedForm, codes: Float32Array | Int8Array | Uint8Array): Int8Array<ArrayBuffer> {
  const shift = quantised === 'u8' ? 128 : 0
  const signed = new Int8Array(codes.length)
  if (shift === 0) signed.set(codes)
  else for (let i = 0; i < signed.length; i++) signed[i] = codes[i]! - shift
  return signed
}

function panelRows(n: number): number {
  return Math.ceil(n / COLUMNS) * COLUMNS
}

import { type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import { NetworkValue, type Operand } from './network-value.ts'
import type { NodeAttributes } from './node-attributes.ts'

/** A number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[]

/** How a window moves over the spatial axes. */
export interface WindowOptions {
  readonly strides?: PerAxis
  /** Zeros around the input: a number for all ends, one for each axis, or all beginnings and then all ends. */
  readonly pads?: PerAxis
  readonly dilations?: PerAxis
}

/** Options of convolutions. */
export interface ConvOptions extends WindowOptions {
  readonly bias?: Operand | undefined
  readonly groups?: number
}

/** Options of pooling. */
export interface PoolOptions extends WindowOptions {
  /** A window that begins inside the input counts although it ends outside. */
  readonly ceil?: boolean
}

/** Options of normalizations over the last axes. */
export interface NormOptions {
  /** The first normalized axis; -1 by default. */
  readonly axis?: number
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number
}

/** What batch normalization has learnt. */
export interface BatchNormWeights {
  readonly scale: Operand
  readonly bias: Operand
  readonly mean: Operand
  readonly variance: Operand
}

/** Weights of a recurrent layer, f32; rows gate after gate, in PyTorch's order of gates. */
export interface RecurrentWeights {
  /** `[gates · hidden, input]` */
  readonly input: Tensor<ElementType>
  /** `[gates · hidden, hidden]` */
  readonly hidden: Tensor<ElementType>
  /** `[gates · hidden]` */
  readonly inputBias?: Tensor<ElementType> | undefined
  readonly hiddenBias?: Tensor<ElementType> | undefined
}

/** Options of attention. */
export interface AttentionOptions {
  readonly heads: number
  /** Numbers per head. */
  readonly headSize: number
  /** Added to the scores; broadcasts to `[batch, heads, queries, keys]`. */
  readonly mask?: Operand | undefined
}

/** The attributes of a window over `axes` spatial axes. @throws HenceError `OPTION_INVALID` */
export function windowAttributes(where: string, axes: number, { strides, pads, dilations }: WindowOptions): NodeAttributes {
  return {
    strides: strides === undefined ? undefined : perAxis(where, 'strides', axes, strides),
    dilations: dilations === undefined ? undefined : perAxis(where, 'dilations', axes, dilations),
    pads: pads === undefined ? undefined : bothEnds(where, axes, pads),
  }
}

/** One number for each axis. */
export function perAxis(where: string, what: string, axes: number, value: PerAxis): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(axes).fill(value) : value
  if (list.length !== axes)
    throw new HenceError('OPTION_INVALID', `${where}: ${axes} ${what} are needed, ${list.length} are given`, {
      what,
      axes,
      got: list.length,
    })
  return list
}

function bothEnds(where: string, axes: number, pads: PerAxis): readonly number[] {
  if (typeof pads !== 'number' && pads.length === 2 * axes) return pads
  const each = perAxis(where, 'pads', axes, pads)
  return [...each, ...each]
}

/** How many axes a tensor has. @throws HenceError `OPTION_INVALID` when it is not a constant */
export function rankOf(where: string, operand: Operand): number {
  if (typeof operand !== 'number' && !(operand instanceof NetworkValue)) return operand.shape.length
  throw new HenceError('OPTION_INVALID', `${where}: the weight must be a tensor`, {
    where,
    hint: 'Use op() for weights that are computed.',
  })
}

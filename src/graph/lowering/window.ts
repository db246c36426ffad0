import type { LoweringContext } from './context.ts'

/** A sliding window over an image; pairs are height and width. A one-dimensional signal is an image of height 1. */
export interface Window {
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number]
  readonly dilations: readonly [number, number]
}

const AUTO_PADS: ReadonlySet<string> = new Set(['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'])

/** The window a node's attributes describe over one or two spatial axes of these sizes. */
export function windowOf({ attributes }: LoweringContext, sizes: readonly number[], kernel: readonly number[]): Window | undefined {
  const rank = sizes.length
  if (rank < 1 || rank > 2 || kernel.length !== rank) return undefined
  const ones = new Array<number>(rank).fill(1)
  const strides = attributes.ints('strides', ones)
  const dilations = attributes.ints('dilations', ones)
  const auto = attributes.string('auto_pad', 'NOTSET')
  if (!AUTO_PADS.has(auto)) return undefined
  const pads =
    auto === 'NOTSET'
      ? attributes.ints('pads', new Array<number>(2 * rank).fill(0))
      : automaticPads(auto, sizes, kernel, strides, dilations)
  if (pads.length !== 2 * rank || strides.length !== rank || dilations.length !== rank || pads.some(pad => pad < 0)) return undefined
  const pair = (values: readonly number[], none: number): [number, number] => (rank === 2 ? [values[0]!, values[1]!] : [none, values[0]!])
  const [top, left] = pair(pads.slice(0, rank), 0)
  const [bottom, right] = pair(pads.slice(rank), 0)
  return { kernel: pair(kernel, 1), strides: pair(strides, 1), pads: [top, left, bottom, right], dilations: pair(dilations, 1) }
}

/** Padding that makes the output as large as the input divided by the stride; the odd pixel goes where the name says. */
function automaticPads(
  auto: string,
  sizes: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): number[] {
  if (auto === 'VALID') return new Array<number>(2 * sizes.length).fill(0)
  const totals = sizes.map((size, i) => {
    const positions = Math.ceil(size / strides[i]!)
    return Math.max(0, (positions - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - size)
  })
  const small = totals.map(total => Math.floor(total / 2))
  const large = totals.map((total, i) => total - small[i]!)
  return auto === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small]
}

/** `[B, C, …]` → `[B, C, H, W]`. */
export function asImage(shape: readonly number[]): [number, number, number, number] {
  const [batch, channels, ...spatial] = shape as [number, number, ...number[]]
  return spatial.length === 1 ? [batch, channels, 1, spatial[0]!] : [batch, channels, spatial[0]!, spatial[1]!]
}

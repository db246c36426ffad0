import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import { nearestPositions, sourceCoordinates, type Taps } from '../operators/image/resampling.ts'
import { plainRequest, requestOf, resizedAxes, tapsOf } from '../operators/image/resize.ts'
import { checkedCount } from '../operators/support/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { knownCall } from './known-call.ts'
import { axisIn, physicalShape } from './segment.ts'

/** Which elements of an axis make each element of the new one: `taps` positions each, with weights or one alone. */
interface AxisTable {
  readonly count: number
  readonly taps: number
  readonly positions: Int32Array
  readonly weights: Float32Array | undefined
}

/** Axes are resized two neighbours at a time, as the height and the width of images. */
const resize: Lowering = context => {
  const type = context.type(0)
  if (!type || !context.isFloat(0) || type.dtype === 'bool' || elementCount(type.shape) === 0) return false
  if ([1, 2, 3].some(position => context.has(position) && !context.known(position))) return false
  const tables = axisTables(context, type.shape)
  if (!tables) return false
  const { segment, node } = context
  const layout = context.layout(0)
  const rank = type.shape.length
  const inMemory = new Map(tables.map((table, axis) => [axisIn(layout, axis, rank), table]))
  const shape = [...physicalShape(layout, type.shape)]
  let x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
  for (let axis = 0; axis < rank; axis++) {
    const table = inMemory.get(axis)
    if (!table) continue
    const next = inMemory.get(axis + 1)
    const outer = elementCount(shape.slice(0, axis))
    const inner = elementCount(shape.slice(axis + (next ? 2 : 1)))
    const [height, width] = next ? [shape[axis]!, shape[axis + 1]!] : inner > 1 ? [shape[axis]!, 1] : [1, shape[axis]!]
    const isHeight = next !== undefined || inner > 1
    const name = `${node.name} along ${axis}`
    const rows = tableBuffers(context, `${name} rows`, isHeight ? table : single(table))
    const columns = tableBuffers(context, `${name} columns`, next ?? (isHeight ? single(table) : table))
    const image = segment.builder.view(viewable(context, x), [outer, height, width, inner])
    x = segment.emit('resize', node.name, [image, ...rows, ...columns], {})
    shape[axis] = table.count
    if (next) shape[axis + 1] = next.count
    if (next) axis++
  }
  const result = type.shape.map((size, axis) => tables[axis]?.count ?? size)
  return context.define(segment.builder.view(viewable(context, x), physicalShape(layout, result)), result, layout)
}

/** For each axis of the shape what becomes of it, `undefined` where nothing does. */
function axisTables(context: LoweringContext, shape: readonly number[]): readonly (AxisTable | undefined)[] | undefined {
  const call = knownCall(context)
  const isUpsample = context.node.op === 'Upsample'
  const scales = context.node.version < 9 ? [...context.attributes.floats('scales', [])] : Array.from(numbers(context, 1))
  const request = isUpsample ? plainRequest(call, scales, shape.length) : requestOf(call, shape.length)
  const axes = resizedAxes(call, shape, request)
  if (
    checkedCount(
      call,
      axes.map(({ to }) => to),
    ) === 0
  )
    return undefined
  const coordinates = axes.map(axis => sourceCoordinates(call, request.coordinates, axis))
  // What a crop sees beyond the image is neither copied nor summed.
  const leaves = (axis: number): boolean => coordinates[axis]!.some(at => at < 0 || at > shape[axis]! - 1)
  if (request.coordinates === 'tf_crop_and_resize' && axes.some((_, axis) => leaves(axis))) return undefined
  return axes.map((axis, at) => {
    if (request.mode === 'nearest') {
      const positions = nearestPositions(call, request.nearest, coordinates[at]!, axis)
      const isSame = axis.from === axis.to && positions.every((position, index) => position === index)
      return isSame ? undefined : { count: axis.to, taps: 1, positions, weights: undefined }
    }
    const taps = tapsOf(call, request, axis, coordinates[at]!)
    return taps && evenTable(taps)
  })
}

/** Taps with as many for each element as any has; those added weigh nothing. */
function evenTable({ starts, positions, weights }: Taps): AxisTable {
  const count = starts.length - 1
  let taps = 1
  for (let i = 0; i < count; i++) taps = Math.max(taps, starts[i + 1]! - starts[i]!)
  const table = { count, taps, positions: new Int32Array(count * taps), weights: new Float32Array(count * taps) }
  for (let i = 0; i < count; i++)
    for (let t = 0; t < taps; t++) {
      const tap = Math.min(starts[i]! + t, starts[i + 1]! - 1)
      table.positions[i * taps + t] = positions[tap]!
      table.weights[i * taps + t] = tap === starts[i]! + t ? weights[tap]! : 0
    }
  return table
}

/** The table of an axis of one element, with weights where the other axis has them. */
function single({ weights }: AxisTable): AxisTable {
  return { count: 1, taps: 1, positions: Int32Array.of(0), weights: weights && Float32Array.of(1) }
}

function tableBuffers({ segment }: LoweringContext, name: string, { count, taps, positions, weights }: AxisTable): (Buffer | undefined)[] {
  const shape = [count, taps]
  return [
    segment.constant(`${name}: positions`, { dtype: 'i32', shape, data: positions }, 'i32'),
    weights && segment.constant(`${name}: weights`, { dtype: 'f32', shape, data: weights }, 'f32'),
  ]
}

/** Constants have no views; one is copied first. */
function viewable({ segment, node }: LoweringContext, x: Buffer): Buffer {
  return x.role === 'constant' ? segment.emit('map', node.name, [x], { expression: { input: 0 } }) : x
}

function numbers(context: LoweringContext, position: number): ArrayLike<number> {
  return (context.known(position)?.data ?? []) as ArrayLike<number>
}

/** Resizing by operator name. */
export const RESIZE: Readonly<Record<string, Lowering>> = { Resize: resize, Upsample: resize }

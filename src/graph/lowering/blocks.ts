import { elementCount } from '../../core/index.ts'
import { expanded, transposed } from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { isMovable } from './copies.ts'

/** Axes of an operand while its blocks are moved: an image has six. */
const MAX_TILED_AXES = 4

/** A moved image: the axes it is taken apart into, their new order, and the sizes it is put together to as it lies. */
interface Rearrangement {
  readonly parts: readonly number[]
  readonly order: readonly number[]
}

/** Moves the numbers of an image, which keeps its layout. */
function rearrange(
  context: LoweringContext,
  [batch, channels, height, width]: readonly [number, number, number, number],
  inPlanes: Rearrangement,
  inPixels: Rearrangement,
): boolean {
  const isLast = context.layout(0) === 'channels-last'
  const { parts, order } = isLast ? inPixels : inPlanes
  const { builder } = context.segment
  const x = builder.view(isLast ? context.channelsLast(0) : context.plain(0), parts)
  const y = context.segment.emit('copy', context.node.name, [x], transposed(parts, order))
  const shape = [batch, channels, height, width]
  return isLast
    ? context.define(builder.view(y, [batch, height, width, channels]), shape, 'channels-last')
    : context.define(builder.view(y, shape), shape)
}

/** The sizes of an image that instructions compute, and the side of the blocks of a node. */
function imageOf(
  context: LoweringContext,
): readonly [batch: number, channels: number, height: number, width: number, side: number] | undefined {
  const side = context.attributes.int('blocksize')
  if (!isMovable(context) || context.known(0) || side < 1) return undefined
  const { shape } = context.type(0)!
  return shape.length === 4 ? [shape[0]!, shape[1]!, shape[2]!, shape[3]!, side] : undefined
}

/** Channels that hold the pixels of blocks become those pixels. */
const depthToSpace: Lowering = context => {
  const [batch, channels, height, width, side] = imageOf(context) ?? []
  if (!batch || !channels || !height || !width || !side || channels % (side * side) !== 0) return false
  const mode = context.attributes.string('mode', 'DCR')
  if (mode !== 'DCR' && mode !== 'CRD') return false
  const depth = channels / (side * side)
  const isDepthFirst = mode === 'CRD'
  return rearrange(
    context,
    [batch, depth, height * side, width * side],
    isDepthFirst
      ? { parts: [batch, depth, side, side, height, width], order: [0, 1, 4, 2, 5, 3] }
      : { parts: [batch, side, side, depth, height, width], order: [0, 3, 4, 1, 5, 2] },
    isDepthFirst
      ? { parts: [batch * height, width, depth, side, side], order: [0, 3, 1, 4, 2] }
      : { parts: [batch * height, width, side, side, depth], order: [0, 2, 1, 3, 4] },
  )
}

/** The pixels of blocks become channels. */
const spaceToDepth: Lowering = context => {
  const [batch, channels, height, width, side] = imageOf(context) ?? []
  if (!batch || !channels || !height || !width || !side || height % side !== 0 || width % side !== 0) return false
  const [rows, columns] = [height / side, width / side]
  return rearrange(
    context,
    [batch, channels * side * side, rows, columns],
    { parts: [batch, channels, rows, side, columns, side], order: [0, 3, 5, 1, 2, 4] },
    { parts: [batch * rows, side, columns, side, channels], order: [0, 2, 1, 3, 4] },
  )
}

/** A whole tensor repeated along its axes: each becomes two, the first of which is repeated. */
const tile: Lowering = context => {
  const repeats = context.knownInts(1)
  if (!isMovable(context) || context.known(0) || !repeats) return false
  const { shape } = context.type(0)!
  if (shape.length > MAX_TILED_AXES || repeats.length !== shape.length || repeats.some(count => count < 1)) return false
  const { builder } = context.segment
  const parts = shape.flatMap(size => [1, size])
  const result = shape.map((size, axis) => size * repeats[axis]!)
  if (elementCount(result) === elementCount(shape)) return context.passOn()
  const x = builder.view(context.plain(0), parts)
  const repeated = expanded(
    parts,
    shape.flatMap((size, axis) => [repeats[axis]!, size]),
  )
  return context.define(builder.view(context.segment.emit('copy', context.node.name, [x], repeated), result), result)
}

/** Movements of blocks by operator name. */
export const BLOCKS: Readonly<Record<string, Lowering>> = { DepthToSpace: depthToSpace, SpaceToDepth: spaceToDepth, Tile: tile }

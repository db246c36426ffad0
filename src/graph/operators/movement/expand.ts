import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import {
  broadcastShapes,
  broadcastStrides,
  checkedCount,
  gatherStrided,
  integersInput,
  showShape,
  stridesOf,
  withShape,
} from '../support/index.ts'

/** Stretched to a shape by broadcasting. */
const expand: Operator = {
  domain: '',
  name: 'Expand',
  run: call => {
    const input = tensorInput(call, 0)
    const asked = integersInput(call, 1, 'shape')
    checkedCount(call, asked)
    const shape = broadcastShapes(call, input.shape, asked)
    return [gatherStrided(call, input, shape, broadcastStrides(input.shape, shape))]
  },
}

/** Repeated whole along each axis. */
const tile: Operator = {
  domain: '',
  name: 'Tile',
  run: call => {
    const input = tensorInput(call, 0)
    const repeats = integersInput(call, 1, 'repeats')
    const { shape } = input
    checkShape(repeats.length === shape.length, call, `${repeats.length} repeats for a tensor of rank ${shape.length}`, { repeats, shape })
    for (const count of repeats) checkShape(count >= 0, call, `repeats ${showShape(repeats)} must not be negative`, { repeats })
    const strides = stridesOf(shape)
    // Each axis becomes two: the repetition, which stays in place, and the axis itself.
    const walked = gatherStrided(
      call,
      input,
      shape.flatMap((size, axis) => [repeats[axis]!, size]),
      strides.flatMap(stride => [0, stride]),
    )
    return [
      withShape(
        walked,
        shape.map((size, axis) => size * repeats[axis]!),
      ),
    ]
  },
}

/** Tensors made larger by repetition. */
export const expansions: readonly Operator[] = [expand, tile]

import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { checkedCount, integersInput, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Coordinates of an evenly spaced grid under affine maps: what GridSample reads. */
const affineGrid: Operator = {
  domain: '',
  name: 'AffineGrid',
  run(call) {
    const theta = tensorInput(call, 0)
    const size = integersInput(call, 1, 'size')
    const rank = size.length - 2
    const fits = (rank === 2 || rank === 3) && theta.shape.join() === [size[0], rank, rank + 1].join()
    checkShape(fits, call, `theta ${showShape(theta.shape)} does not fit the size ${showShape(size)}`, { theta: theta.shape, size })
    const alignCorners = call.attributes.int('align_corners', 0) !== 0
    const spatial = size.slice(2)
    const batch = size[0]!
    const shape = [batch, ...spatial, rank]
    const y = workNumbers(call, checkedCount(call, shape))
    const maps = numbersOf(call, theta)
    const steps = spatial.map(count =>
      Float64Array.from({ length: count }, (_, i) => {
        if (alignCorners) return count === 1 ? 0 : -1 + (2 * i) / (count - 1)
        return (2 * i + 1) / count - 1
      }),
    )
    const points = spatial.reduce((a, b) => a * b, 1)
    const [depth, height, width] = rank === 3 ? (spatial as [number, number, number]) : [1, spatial[0]!, spatial[1]!]
    const position = new Float64Array(rank)
    let write = 0
    for (let image = 0; image < batch && points > 0; image++)
      for (let z = 0; z < depth; z++)
        for (let row = 0; row < height; row++)
          for (let column = 0; column < width; column++) {
            // The first coordinate runs along the last axis.
            position[0] = steps[rank - 1]![column]!
            position[1] = steps[rank - 2]![row]!
            if (rank === 3) position[2] = steps[0]![z]!
            for (let axis = 0; axis < rank; axis++) {
              const at = (image * rank + axis) * (rank + 1)
              let sum = maps[at + rank]!
              for (let i = 0; i < rank; i++) sum += maps[at + i]! * position[i]!
              y[write++] = sum
            }
          }
    return [tensorFromNumbers(call, theta.dtype, shape, y)]
  },
}

export const affineGridOperators: readonly Operator[] = [affineGrid]

import { checkShape, type Operator, optionalTensor, tensorInput } from '../../operator.ts'
import { indexTensor, integersOf, numbersOf, scalarOf, showShape } from '../support/index.ts'

/** Corners of a box with the lesser coordinate first: top, left, bottom, right. */
type Corners = Float64Array

/** The best boxes of each class that overlap no better one: rows of batch, class and box. */
const nonMaxSuppression: Operator = {
  domain: '',
  name: 'NonMaxSuppression',
  run: call => {
    const [boxes, scores] = [tensorInput(call, 0), tensorInput(call, 1)]
    const [batches = 0, classes = 0, count = 0] = scores.shape
    const fits = scores.shape.length === 3 && boxes.shape.length === 3 && boxes.shape[0] === batches && boxes.shape[1] === count
    const message = `boxes ${showShape(boxes.shape)} and scores ${showShape(scores.shape)} must be [batch, boxes, 4] and [batch, classes, boxes]`
    checkShape(fits && boxes.shape[2] === 4, call, message, { boxes: boxes.shape, scores: scores.shape })
    const limit = optionalTensor(call, 2)
    const most = limit ? (integersOf(call, limit, 'max_output_boxes_per_class')[0] ?? 0) : 0
    const overlap = scalarOf(call, optionalTensor(call, 3), 'iou_threshold', 0)
    const least = scalarOf(call, optionalTensor(call, 4), 'score_threshold', Number.NEGATIVE_INFINITY)
    const hasLeast = call.inputs[4] !== undefined
    const corners = cornersOf(numbersOf(call, boxes), call.attributes.int('center_point_box', 0) !== 0)
    const values = numbersOf(call, scores)
    const rows: number[] = []
    for (let batch = 0; batch < batches; batch++)
      for (let kind = 0; kind < classes; kind++) {
        const score = (box: number): number => values[(batch * classes + kind) * count + box]!
        const candidates: number[] = []
        for (let box = 0; box < count; box++) if (!hasLeast || score(box) > least) candidates.push(box)
        candidates.sort((a, b) => score(b) - score(a) || a - b)
        const chosen: number[] = []
        for (const box of candidates) {
          if (chosen.length >= most) break
          const at = (batch * count + box) * 4
          if (chosen.some(other => intersectionOverUnion(corners, at, (batch * count + other) * 4) > overlap)) continue
          chosen.push(box)
          rows.push(batch, kind, box)
        }
      }
    return [indexTensor(call, [rows.length / 3, 3], rows)]
  },
}

/** Boxes as corners, from any two opposite corners (y, x) or from centre (x, y), width and height. */
function cornersOf(values: Float64Array, isCentered: boolean): Corners {
  for (let at = 0; at < values.length; at += 4) {
    const [a, b, c, d] = [values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!]
    const [top, left, bottom, right] = isCentered ? [b - d / 2, a - c / 2, b + d / 2, a + c / 2] : [a, b, c, d]
    values[at] = Math.min(top, bottom)
    values[at + 1] = Math.min(left, right)
    values[at + 2] = Math.max(top, bottom)
    values[at + 3] = Math.max(left, right)
  }
  return values
}

/** Shared area over total area of two boxes; 0 where either has no area. */
function intersectionOverUnion(corners: Corners, a: number, b: number): number {
  const height = Math.min(corners[a + 2]!, corners[b + 2]!) - Math.max(corners[a]!, corners[b]!)
  const width = Math.min(corners[a + 3]!, corners[b + 3]!) - Math.max(corners[a + 1]!, corners[b + 1]!)
  if (!(height > 0 && width > 0)) return 0
  const area = (box: number): number => (corners[box + 2]! - corners[box]!) * (corners[box + 3]! - corners[box + 1]!)
  return (height * width) / (area(a) + area(b) - height * width)
}

/** Detection. */
export const suppressions: readonly Operator[] = [nonMaxSuppression]

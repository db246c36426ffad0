import { elementCount } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import {
  gatherStrided,
  integersFromInputOrAttribute,
  integersInput,
  normalizeAxes,
  normalizeAxis,
  showShape,
  stridesOf,
  withShape,
} from '../support/index.ts'

const identity: Operator = { domain: '', name: 'Identity', run: call => [call.inputs[0] ?? tensorInput(call, 0)] }

const reshape: Operator = {
  domain: '',
  name: 'Reshape',
  run: call => {
    const input = tensorInput(call, 0)
    const asked = call.version < 5 ? call.attributes.ints('shape') : integersInput(call, 1, 'shape')
    const keepsZero = call.attributes.int('allowzero', 0) !== 0
    const shape = asked.map((size, axis) => {
      if (size !== 0 || keepsZero) return size
      checkShape(axis < input.shape.length, call, `shape ${showShape(asked)} copies axis ${axis} of ${showShape(input.shape)}`, { asked })
      return input.shape[axis]!
    })
    return [withShape(input, inferSize(call, input.shape, shape))]
  },
}

/** A shape with its -1, if any, replaced by what the number of elements leaves. */
function inferSize(call: OperatorCall, from: readonly number[], to: readonly number[]): number[] {
  const count = elementCount(from)
  const unknown = to.indexOf(-1)
  const facts = { from, to }
  checkShape(
    to.every((size, axis) => size >= 0 || axis === unknown),
    call,
    `shape ${showShape(to)} must have at most one -1 and no other negative size`,
    facts,
  )
  const known = to.reduce((product, size) => (size === -1 ? product : product * size), 1)
  const fits = unknown < 0 ? known === count : known > 0 && count % known === 0
  checkShape(fits, call, `${count} elements of shape ${showShape(from)} do not fill the shape ${showShape(to)}`, facts)
  return to.map(size => (size === -1 ? count / known : size))
}

const flatten: Operator = {
  domain: '',
  name: 'Flatten',
  run: call => {
    const input = tensorInput(call, 0)
    const rank = input.shape.length
    const given = call.attributes.int('axis', 1)
    checkShape(given >= -rank && given <= rank, call, `axis ${given} is outside a tensor of rank ${rank}`, { axis: given, rank })
    const axis = given < 0 ? given + rank : given
    return [withShape(input, [elementCount(input.shape.slice(0, axis)), elementCount(input.shape.slice(axis))])]
  },
}

const squeeze: Operator = {
  domain: '',
  name: 'Squeeze',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    const given = integersFromInputOrAttribute(call, 1, 'axes')
    const axes = given ? new Set(given.map(axis => normalizeAxis(call, axis, shape.length))) : undefined
    for (const axis of axes ?? [])
      checkShape(shape[axis] === 1, call, `axis ${axis} of ${showShape(shape)} has the size ${shape[axis]}, not 1`, { shape, axis })
    return [
      withShape(
        input,
        shape.filter((size, axis) => (axes ? !axes.has(axis) : size !== 1)),
      ),
    ]
  },
}

const unsqueeze: Operator = {
  domain: '',
  name: 'Unsqueeze',
  run: call => {
    const input = tensorInput(call, 0)
    const given = call.version < 13 ? call.attributes.ints('axes') : integersInput(call, 1, 'axes')
    const rank = input.shape.length + given.length
    const axes = new Set(normalizeAxes(call, given, rank))
    const sizes = input.shape.values()
    return [
      withShape(
        input,
        Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (sizes.next().value as number))),
      ),
    ]
  },
}

const transpose: Operator = {
  domain: '',
  name: 'Transpose',
  run: call => {
    const input = tensorInput(call, 0)
    const rank = input.shape.length
    const perm = call.attributes.ints(
      'perm',
      Array.from({ length: rank }, (_, axis) => rank - 1 - axis),
    )
    const order = normalizeAxes(call, perm, rank)
    checkShape(order.length === rank, call, `perm ${showShape(perm)} must name each of ${rank} axes once`, { perm, rank })
    return [transposed(call, input, order)]
  },
}

function transposed(call: OperatorCall, input: GraphTensor, order: readonly number[]): GraphTensor {
  const strides = stridesOf(input.shape)
  return gatherStrided(
    call,
    input,
    order.map(axis => input.shape[axis]!),
    order.map(axis => strides[axis]!),
  )
}

/** The same elements under another shape or order. */
export const layouts: readonly Operator[] = [identity, reshape, flatten, squeeze, unsqueeze, transpose]

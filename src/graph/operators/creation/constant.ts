import { elementCount, HenceError, tensor } from '../../../core/index.ts'
import type { OnnxAttribute, OnnxSparseTensor } from '../../../formats/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall } from '../../operator.ts'
import {
  cellsOf,
  checkedCount,
  copyCells,
  indexInto,
  indexTensor,
  integersInput,
  integersOf,
  outputTensor,
  stridesOf,
} from '../support/index.ts'

const FORMS = ['value', 'sparse_value', 'value_int', 'value_ints', 'value_float', 'value_floats', 'value_string', 'value_strings']

const constant: Operator = {
  domain: '',
  name: 'Constant',
  run: call => {
    for (const form of FORMS) {
      const attribute = call.attributes.raw(form)
      if (attribute) return [attributeValue(call, attribute)]
    }
    throw new HenceError('GRAPH_INVALID', `${call.node}: it has none of the attributes ${FORMS.join(', ')}`, { node: call.node })
  },
}

function attributeValue(call: OperatorCall, attribute: OnnxAttribute): GraphTensor {
  switch (attribute.type) {
    case 'tensor':
      return attribute.value
    case 'sparse-tensor':
      return toDense(call, attribute.value)
    case 'int':
      return indexTensor(call, [], [attribute.value])
    case 'ints':
      return indexTensor(call, [attribute.value.length], attribute.value)
    case 'float':
      return tensor('f32', [], new Float32Array([attribute.value]))
    case 'floats':
      return tensor('f32', [attribute.value.length], new Float32Array(attribute.value))
    case 'string':
      return tensor('string', [], [attribute.value])
    case 'strings':
      return tensor('string', [attribute.value.length], [...attribute.value])
    default:
      throw new HenceError('GRAPH_INVALID', `${call.node}: an attribute of type ${attribute.type} is no value`, {
        node: call.node,
        type: attribute.type,
      })
  }
}

/** Values at flat indices, or at one index per axis, in zeros. */
function toDense(call: OperatorCall, { values, indices, shape }: OnnxSparseTensor): GraphTensor {
  const output = outputTensor(call, values.dtype, shape)
  const [from, to] = [cellsOf(values), cellsOf(output)]
  const count = elementCount(values.shape)
  const width = indices.shape.length === 2 ? shape.length : 1
  const positions = integersOf(call, indices, 'indices')
  checkShape(positions.length === count * width, call, `${count} sparse values have ${positions.length} indices`, { count })
  const sizes = width === 1 && indices.shape.length === 1 ? [elementCount(shape)] : shape
  const strides = stridesOf(sizes)
  for (let at = 0; at < count; at++) {
    let write = 0
    for (let axis = 0; axis < width; axis++) write += indexInto(call, positions[at * width + axis]!, sizes[axis]!) * strides[axis]!
    copyCells(from.data, at * from.lanes, to.data, write * to.lanes, to.lanes)
  }
  return output
}

/** One value everywhere. */
const constantOfShape: Operator = {
  domain: '',
  name: 'ConstantOfShape',
  run: call => {
    const shape = integersInput(call, 0, 'shape')
    const value: GraphTensor = call.attributes.has('value') ? call.attributes.tensor('value') : tensor('f32', [1])
    checkShape(elementCount(value.shape) === 1, call, 'value must be one value', { shape: value.shape })
    checkedCount(call, shape, value.dtype)
    const output = outputTensor(call, value.dtype, shape)
    const [from, to] = [cellsOf(value), cellsOf(output)]
    if (from.lanes === 1) (to.data as Uint8Array).fill(from.data[0] as number)
    else for (let at = 0; at < to.data.length; at += from.lanes) copyCells(from.data, 0, to.data, at, from.lanes)
    return [output]
  },
}

/** Values that depend on no other. */
export const constants: readonly Operator[] = [constant, constantOfShape]

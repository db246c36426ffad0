import type { ElementType, Rng } from '../../../core/index.ts'
import {
  checkShape,
  type GraphTensor,
  type Operator,
  type OperatorCall,
  optionalTensor,
  tensorInput,
  unsupportedVariant,
} from '../../operator.ts'
import {
  checkedCount,
  elementTypeAttribute,
  numbersOf,
  outputTensor,
  scalarOf,
  showShape,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'
import { mersenneTwister } from './mersenne-twister.ts'

function generatorOf(call: OperatorCall): Rng {
  return call.host.random(call.attributes.has('seed') ? call.attributes.float('seed') : undefined)
}

/** An operator that fills a shape, its own attribute's or its input's, with random numbers. */
function filler(name: string, isLike: boolean, drawerOf: (call: OperatorCall, random: Rng) => () => number): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const like = isLike ? tensorInput(call, 0) : undefined
      const shape = like ? like.shape : call.attributes.ints('shape')
      const dtype = elementTypeAttribute(call, 'dtype', like?.dtype ?? 'f32')
      const draw = drawerOf(call, generatorOf(call))
      const values = workNumbers(call, checkedCount(call, shape))
      for (let index = 0; index < values.length; index++) values[index] = draw()
      return [tensorFromNumbers(call, dtype, shape, values)]
    },
  }
}

function uniform(call: OperatorCall, random: Rng): () => number {
  const low = call.attributes.float('low', 0)
  const high = call.attributes.float('high', 1)
  return () => low + (high - low) * random.uniform()
}

function normal(call: OperatorCall, random: Rng): () => number {
  const mean = call.attributes.float('mean', 0)
  const scale = call.attributes.float('scale', 1)
  return () => mean + scale * random.normal()
}

/** 1 with the probability each element says, else 0. */
const bernoulli: Operator = {
  domain: '',
  name: 'Bernoulli',
  run: call => {
    const input = tensorInput(call, 0)
    const random = generatorOf(call)
    const values = numbersOf(call, input)
    for (let index = 0; index < values.length; index++) values[index] = random.uniform() < values[index]! ? 1 : 0
    return [tensorFromNumbers(call, elementTypeAttribute(call, 'dtype', input.dtype), input.shape, values)]
  },
}

/** Classes drawn by their log probabilities, which need not add up: [batch, classes] → [batch, samples]. */
const multinomial: Operator = {
  domain: '',
  name: 'Multinomial',
  run: call => {
    const input = tensorInput(call, 0)
    checkShape(input.shape.length === 2, call, `the input must be [batch, classes], is ${showShape(input.shape)}`, { shape: input.shape })
    const [batch, classes] = input.shape as [number, number]
    checkShape(classes > 0, call, 'there are no classes to draw', { shape: input.shape })
    const count = call.attributes.int('sample_size', 1)
    const dtype = elementTypeAttribute(call, 'dtype', 'i32')
    if (dtype !== 'i32' && dtype !== 'i64') throw unsupportedVariant(call, `dtype ${dtype}`)
    const samples = workNumbers(call, checkedCount(call, [batch, count]))
    const random = generatorOf(call)
    const logits = numbersOf(call, input)
    const sums = new Float64Array(classes)
    for (let row = 0; row < batch; row++) {
      const weights = logits.subarray(row * classes, (row + 1) * classes)
      const greatest = weights.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY)
      let total = 0
      for (let at = 0; at < classes; at++) {
        total += Math.exp(weights[at]! - greatest)
        sums[at] = total
      }
      for (let at = 0; at < count; at++) {
        const drawn = random.uniform() * total
        const chosen = sums.findIndex(sum => drawn < sum)
        samples[row * count + at] = chosen < 0 ? classes - 1 : chosen
      }
    }
    return [tensorFromNumbers(call, dtype, [batch, count], samples)]
  },
}

/** Elements dropped at random while training, else all of them; the mask says which are left. */
const dropout: Operator = {
  domain: '',
  name: 'Dropout',
  run: call => {
    const input = tensorInput(call, 0)
    const ratio = call.version < 12 ? 0 : scalarOf(call, optionalTensor(call, 1), 'ratio', 0.5)
    const isTraining = call.version >= 12 && scalarOf(call, optionalTensor(call, 2), 'training_mode', 0) !== 0
    const maskType: ElementType = call.version < 10 ? input.dtype : 'bool'
    if (!isTraining || ratio === 0) {
      const ones = call.outputCount > 1 ? workNumbers(call, checkedCount(call, input.shape)).fill(1) : undefined
      return [input, ones && tensorFromNumbers(call, maskType, input.shape, ones)]
    }
    checkShape(ratio > 0 && ratio < 1, call, `ratio ${ratio} is outside [0, 1)`, { ratio })
    return dropped(call, input, ratio)
  },
}

function dropped(call: OperatorCall, input: GraphTensor, ratio: number): GraphTensor[] {
  const random = call.host.random()
  const draw = call.attributes.has('seed') ? mersenneTwister(call.attributes.int('seed')) : () => random.uniform()
  const mask = outputTensor(call, 'bool', input.shape)
  const values = numbersOf(call, input)
  for (let index = 0; index < values.length; index++) {
    const isKept = draw() >= ratio
    mask.data[index] = isKept ? 1 : 0
    values[index] = isKept ? values[index]! / (1 - ratio) : 0
  }
  return [tensorFromNumbers(call, input.dtype, input.shape, values), mask]
}

/** Operators that draw random numbers. */
export const randoms: readonly Operator[] = [
  filler('RandomUniform', false, uniform),
  filler('RandomUniformLike', true, uniform),
  filler('RandomNormal', false, normal),
  filler('RandomNormalLike', true, normal),
  bernoulli,
  multinomial,
  dropout,
]

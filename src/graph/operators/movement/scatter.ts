import { elementCount } from '../../../core/index.ts'
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
  type BinaryFunction,
  cellsOf,
  checkSameType,
  cloneTensor,
  copyCells,
  indexInto,
  integersInput,
  integersOf,
  isWide,
  normalizeAxis,
  numbersOf,
  sameShape,
  showShape,
  tensorFromNumbers,
  type WideTensor,
} from '../support/index.ts'
import { elementOffsets, tupleOffsets } from './index-offsets.ts'

const REDUCTIONS: Readonly<Record<string, Required<BinaryFunction>>> = {
  add: { number: (a, b) => a + b, dword: (a, b) => (a + b) | 0, wide: (a, b) => a + b },
  mul: { number: (a, b) => a * b, dword: Math.imul, wide: (a, b) => BigInt.asIntN(64, a * b) },
  max: { number: Math.max, dword: Math.max, wide: (a, b) => (a > b ? a : b) },
  min: { number: Math.min, dword: Math.min, wide: (a, b) => (a < b ? a : b) },
}

/** A copy of `data` with blocks of `block` elements of `updates` written, or folded, at `offsets`. */
function scatterBlocks(call: OperatorCall, data: GraphTensor, updates: GraphTensor, offsets: Float64Array, block: number): GraphTensor {
  checkSameType(call, data, updates)
  const name = call.attributes.string('reduction', 'none')
  if (name === 'none') {
    const output = cloneTensor(call, data)
    const [from, to] = [cellsOf(updates), cellsOf(output)]
    const cells = block * from.lanes
    for (let at = 0; at < offsets.length; at++) copyCells(from.data, at * cells, to.data, offsets[at]! * from.lanes, cells)
    return output
  }
  const reduction = Object.hasOwn(REDUCTIONS, name) ? REDUCTIONS[name] : undefined
  if (!reduction) throw unsupportedVariant(call, `reduction "${name}"`)
  if (isWide(data)) {
    const output = cloneTensor(call, data) as WideTensor
    foldBlocks<bigint>(output.data, updates.data as BigInt64Array, offsets, block, reduction.wide)
    return output
  }
  const values = numbersOf(call, data)
  const fold = data.dtype === 'i32' || data.dtype === 'u32' ? reduction.dword : reduction.number
  foldBlocks<number>(values, numbersOf(call, updates), offsets, block, fold)
  return tensorFromNumbers(call, data.dtype, data.shape, values)
}

function foldBlocks<T>(
  target: { [index: number]: T },
  updates: { readonly [index: number]: T },
  offsets: Float64Array,
  block: number,
  fold: (a: T, b: T) => T,
): void {
  for (let at = 0; at < offsets.length; at++)
    for (let index = 0; index < block; index++) {
      const write = offsets[at]! + index
      target[write] = fold(target[write]!, updates[at * block + index]!)
    }
}

/** Elements written at indices along an axis. */
function scatterElements(name: string): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const [data, indices, updates] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
      const axis = normalizeAxis(call, call.attributes.int('axis', 0), data.shape.length)
      const message = `indices ${showShape(indices.shape)} and updates ${showShape(updates.shape)} differ in shape`
      checkShape(sameShape(indices.shape, updates.shape), call, message, { indices: indices.shape, updates: updates.shape })
      return [scatterBlocks(call, data, updates, elementOffsets(call, data.shape, indices, axis), 1)]
    },
  }
}

/** Slices written at tuples of indices. */
const scatterNd: Operator = {
  domain: '',
  name: 'ScatterND',
  run: call => {
    const [data, indices, updates] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    const width = indices.shape.at(-1) ?? 0
    const facts = { data: data.shape, indices: indices.shape, updates: updates.shape }
    const fits = indices.shape.length > 0 && width <= data.shape.length
    checkShape(fits, call, `index tuples of ${width} do not fit data of shape ${showShape(data.shape)}`, facts)
    const tuples = indices.shape.slice(0, -1)
    const rest = data.shape.slice(width)
    const expected = [...tuples, ...rest]
    checkShape(
      sameShape(updates.shape, expected),
      call,
      `updates must have the shape ${showShape(expected)}, have ${showShape(updates.shape)}`,
      facts,
    )
    const offsets = tupleOffsets(call, data.shape, integersInput(call, 1, 'indices'), width, elementCount(tuples))
    return [scatterBlocks(call, data, updates, offsets, elementCount(rest))]
  },
}

/** New positions of a cache written over old ones, per sample of the batch. */
const tensorScatter: Operator = {
  domain: '',
  name: 'TensorScatter',
  run: call => {
    const [cache, update, starts] = [tensorInput(call, 0), tensorInput(call, 1), optionalTensor(call, 2)]
    checkSameType(call, cache, update)
    const { shape } = cache
    const axis = normalizeAxis(call, call.attributes.int('axis', -2), shape.length)
    const mode = call.attributes.string('mode', 'linear')
    if (mode !== 'linear' && mode !== 'circular') throw unsupportedVariant(call, `mode "${mode}"`)
    const [size, length] = [shape[axis]!, update.shape[axis] ?? 0]
    const expected = shape.map((full, at) => (at === axis ? length : full))
    const fits = axis > 0 && sameShape(update.shape, expected) && length <= size
    checkShape(fits, call, `an update of shape ${showShape(update.shape)} does not fit a cache of shape ${showShape(shape)}`, {
      cache: shape,
      update: update.shape,
      axis,
    })
    const batch = shape[0]!
    const first = starts ? integersOf(call, starts, 'write_indices') : new Array<number>(batch).fill(0)
    checkShape(first.length === batch, call, `${first.length} write indices for a batch of ${batch}`, { batch, count: first.length })
    const output = cloneTensor(call, cache)
    const [from, to] = [cellsOf(update), cellsOf(output)]
    const block = elementCount(shape.slice(axis + 1)) * from.lanes
    const prefixes = elementCount(shape.slice(0, axis))
    const perSample = prefixes / Math.max(batch, 1)
    for (let prefix = 0; prefix < prefixes; prefix++)
      for (let at = 0; at < length; at++) {
        const start = first[Math.floor(prefix / perSample)]!
        const position = mode === 'circular' && start >= 0 ? (start + at) % size : start + at
        checkShape(position >= 0, call, `write index ${start} is negative`, { start })
        const write = prefix * size + indexInto(call, position, size, 'write index')
        copyCells(from.data, (prefix * length + at) * block, to.data, write * block, block)
      }
    return [output]
  },
}

/** Elements and slices written by index. */
export const scatters: readonly Operator[] = [scatterElements('Scatter'), scatterElements('ScatterElements'), scatterNd, tensorScatter]

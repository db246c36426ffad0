import { elementCount, HenceError, type TensorData } from '../core/index.ts'
import { buffersOf, type Dim, type DimValues, type Program, resolveDim } from '../program/index.ts'

/**
 * Checks what a caller gives to a run: every bound dim has a value within its limit, every input an array of its dtype
 * and of at least its bound size.
 *
 * @throws HenceError `OPTION_INVALID`
 */
export function checkBindings(program: Program, limits: DimValues, inputs: Readonly<Record<string, TensorData>>, dims: DimValues): void {
  for (const [name, value] of Object.entries(dims)) {
    const limit = limits[name]
    if (limit === undefined || !Number.isInteger(value) || value < 0 || value > limit)
      throw new HenceError('OPTION_INVALID', `dim ${name} = ${value} is outside 0..${limit ?? 'unknown'}`, { dim: name, value, limit })
  }
  for (const buffer of buffersOf(program, 'input')) {
    const data = inputs[buffer.name]
    if (!data) throw new HenceError('OPTION_INVALID', `input ${buffer.name} is missing`, { input: buffer.name, given: Object.keys(inputs) })
    const count = elementCount(concreteShape(buffer.shape, dims))
    if (data.length < count)
      throw new HenceError('OPTION_INVALID', `input ${buffer.name} has ${data.length} elements, needs ${count}`, { input: buffer.name })
  }
}

/** A shape with every dim replaced by its value. */
export function concreteShape(shape: readonly Dim[], dims: DimValues): number[] {
  return shape.map(dim => resolveDim(dim, dims))
}

import {
  allocate,
  type ElementType,
  elementCount,
  HenceError,
  type ModelValue,
  type Tensor,
  type TensorModelDescription,
  type ValueDescription,
} from '../core/index.ts'

/** Tensors by name. */
export type NamedTensors = Readonly<Record<string, Tensor<ElementType>>>

/**
 * True when requests to a model can share a run: the first dimension of every input and output has the same name, as it
 * has in models that were exported with a batch dimension. What has a fixed size or no name cannot be cut apart again.
 */
export function canBatch({ inputs, optionalInputs, outputs }: TensorModelDescription): boolean {
  const first = ({ kind, shape }: ValueDescription): unknown => (kind === 'tensor' ? shape?.[0] : undefined)
  const name = inputs[0] && first(inputs[0])
  return typeof name === 'string' && optionalInputs.length === 0 && [...inputs, ...outputs].every(value => first(value) === name)
}

/** What requests must have in common to share a run: names, types and all dimensions but the first. */
export function signatureOf(inputs: NamedTensors): string {
  return Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.slice(1).join()}`)
    .sort()
    .join('\n')
}

/** Rows of a request: its first dimension, when all inputs agree on it. */
export function rowsOf(inputs: NamedTensors): number | undefined {
  const sizes = new Set(Object.values(inputs).map(({ shape }) => shape[0]))
  const [rows] = sizes
  return sizes.size === 1 && rows !== undefined && rows > 0 ? rows : undefined
}

/** Inputs of one signature put under one another. */
export function stack(requests: readonly NamedTensors[]): NamedTensors {
  if (requests.length === 1) return requests[0]!
  return Object.fromEntries(Object.keys(requests[0]!).map(name => [name, stackTensors(requests.map(request => request[name]!))]))
}

function stackTensors(parts: readonly Tensor<ElementType>[]): Tensor<ElementType> {
  const { dtype, shape } = parts[0]!
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0)
  const data = allocate(
    dtype,
    parts.reduce((sum, part) => sum + part.data.length, 0),
  )
  let at = 0
  for (const part of parts) {
    if (Array.isArray(data)) for (const [i, text] of (part.data as string[]).entries()) data[at + i] = text
    else data.set(part.data as never, at)
    at += part.data.length
  }
  return { dtype, shape: [rows, ...shape.slice(1)], data } as Tensor<ElementType>
}

/** Outputs cut back into the rows of each request. @throws HenceError `SHAPE_MISMATCH` when an output has other rows */
export function unstack(outputs: Readonly<Record<string, ModelValue>>, rows: readonly number[]): Record<string, ModelValue>[] {
  const total = rows.reduce((sum, count) => sum + count, 0)
  const parts = rows.map((): Record<string, ModelValue> => ({}))
  for (const [name, value] of Object.entries(outputs)) {
    if (!('data' in value) || value.shape[0] !== total)
      throw new HenceError('SHAPE_MISMATCH', `the output "${name}" of a run of ${total} rows does not have ${total} rows`, { name, total })
    const width = value.data.length / total
    const rest = value.shape.slice(1)
    let at = 0
    for (const [i, count] of rows.entries()) {
      const data = Array.isArray(value.data) ? value.data.slice(at, at + count * width) : value.data.subarray(at, at + count * width)
      parts[i]![name] = { dtype: value.dtype, shape: [count, ...rest], data } as Tensor<ElementType>
      at += count * width
    }
  }
  return parts
}

/** True when two results are equal up to rounding. */
export function areClose(a: Readonly<Record<string, ModelValue>>, b: Readonly<Record<string, ModelValue>>): boolean {
  return Object.entries(a).every(([name, left]) => {
    const right = b[name]
    if (!right || !('data' in left) || !('data' in right)) return false
    if (left.dtype !== right.dtype || elementCount(left.shape) !== elementCount(right.shape)) return false
    if (left.dtype !== 'f32' && left.dtype !== 'f64') return true
    const [x, y] = [left.data as Float32Array, right.data as Float32Array]
    const largest = x.reduce((most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0), 0)
    return x.every((value, i) => Object.is(value, y[i]) || Math.abs(value - y[i]!) <= 1e-2 * largest)
  })
}

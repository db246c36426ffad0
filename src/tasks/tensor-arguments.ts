import { allocate, type ElementType, HenceError, type ModelValue, nearest, type Tensor } from '../core/index.ts'
import type { OnnxType, OnnxValueInfo } from '../formats/index.ts'

/** Every input must be there, of the type and shape the model states; sizes with the same name must be equal. */
export function checkInputs(
  wanted: readonly OnnxValueInfo[],
  defaults: readonly OnnxValueInfo[],
  given: Readonly<Record<string, ModelValue>>,
): void {
  const names = wanted.map(({ name }) => name)
  if (typeof given !== 'object' || given === null)
    throw new HenceError('OPTION_INVALID', 'run: the first argument must be an object of inputs by name', {
      inputs: names,
      hint: callOf(wanted),
    })
  const optional = new Set(defaults.map(({ name }) => name))
  for (const name of Object.keys(given))
    if (!names.includes(name) && !optional.has(name)) {
      const close = nearest(name, names)
      throw new HenceError('OPTION_INVALID', `run: the model has no input "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
        input: name,
        inputs: names,
        hint: callOf(wanted),
      })
    }
  const sizes = new Map<string, number>()
  for (const { name, type } of [...wanted, ...defaults]) {
    const value = given[name]
    if (value === undefined) {
      if (optional.has(name)) continue
      throw new HenceError('OPTION_INVALID', `run: the input "${name}" is missing`, { input: name, inputs: names, hint: callOf(wanted) })
    }
    checkValue(name, value, type, sizes)
  }
}

function checkValue(name: string, value: ModelValue, type: OnnxType | undefined, sizes: Map<string, number>): void {
  if (!isModelValue(value))
    throw new HenceError('OPTION_INVALID', `run: the input "${name}" must be a ${type?.kind ?? 'tensor'}, is ${nounOf(value)}`, {
      input: name,
      expected: type?.kind ?? 'tensor',
      ...(type?.kind === 'tensor' ? { hint: `${name}: ${tensorCallOf(type)}` } : {}),
    })
  const kind = 'data' in value ? 'tensor' : value.kind
  if (type && type.kind !== kind)
    throw new HenceError('OPTION_INVALID', `run: the input "${name}" must be a ${type.kind}, is a ${kind}`, {
      input: name,
      expected: type.kind,
      got: kind,
    })
  if (!('data' in value) || type?.kind !== 'tensor') return
  const { dtype, shape, data } = value
  if (type.dtype !== undefined && dtype !== type.dtype)
    throw new HenceError('OPTION_INVALID', `run: the input "${name}" must be of type ${type.dtype}, is ${dtype}`, {
      input: name,
      expected: type.dtype,
      got: dtype,
    })
  checkArray(`input "${name}"`, value)
  const elements = shape.reduce((product, size) => product * size, dtype === 'c64' || dtype === 'c128' ? 2 : 1)
  if (!shape.every(size => Number.isInteger(size) && size >= 0) || data.length !== elements)
    throw new HenceError('SHAPE_MISMATCH', `run: the input "${name}" of shape [${shape.join(', ')}] has ${data.length} elements`, {
      input: name,
      shape,
      length: data.length,
    })
  const wanted = type.shape
  if (!wanted) return
  const fits =
    wanted.length === shape.length &&
    wanted.every((dim, axis) => {
      if (typeof dim === 'number') return dim === shape[axis]
      if (dim === undefined) return true
      const known = sizes.get(dim)
      if (known === undefined) sizes.set(dim, shape[axis]!)
      return known === undefined || known === shape[axis]
    })
  if (fits) return
  const text = wanted.map(dim => (typeof dim === 'string' && sizes.has(dim) ? `${dim} = ${sizes.get(dim)}` : (dim ?? '?'))).join(', ')
  throw new HenceError('SHAPE_MISMATCH', `run: the input "${name}" must have the shape [${text}], has [${shape.join(', ')}]`, {
    input: name,
    expected: wanted.map(dim => dim ?? null),
    got: shape,
  })
}

/** What is told apart by the types of TypeScript, but not by JavaScript. */
function isModelValue(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return ('data' in value && 'dtype' in value && 'shape' in value) || 'kind' in value
}

function nounOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : `a ${typeof value}`
}

/** How `run` is called with these inputs. */
function callOf(inputs: readonly OnnxValueInfo[]): string {
  const entries = inputs.map(
    ({ name, type }) => `${JSON.stringify(name)}: ${type?.kind === 'tensor' ? tensorCallOf(type) : (type?.kind ?? '…')}`,
  )
  return `model.run({ ${entries.join(', ')} })`
}

function tensorCallOf({ dtype, shape }: Extract<OnnxType, { kind: 'tensor' }>): string {
  return `tensor('${dtype ?? 'f32'}', [${shape?.map(dim => dim ?? '?').join(', ') ?? '…'}], data)`
}

/** Names of outputs, and tensors that can be written to. */
export function checkOutputs(names: readonly string[], given: Readonly<Record<string, Tensor<ElementType>>>): void {
  for (const [name, target] of Object.entries(given)) {
    if (!names.includes(name)) {
      const close = nearest(name, names)
      throw new HenceError('OPTION_INVALID', `run: the model has no output "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
        output: name,
        outputs: names,
      })
    }
    checkArray(`output "${name}"`, target)
  }
}

/** The array must be the one its element type calls for. */
function checkArray(what: string, { dtype, data }: Tensor<ElementType>): void {
  const isText = dtype === 'string'
  const isRight = isText ? Array.isArray(data) && data.every(text => typeof text === 'string') : data.constructor === arrayOf(dtype)
  if (isRight) return
  const expected = isText ? 'an array of texts' : (arrayOf(dtype)?.name ?? 'of a known element type')
  throw new HenceError('OPTION_INVALID', `run: the data of the ${what} must be ${expected} for ${dtype}, is ${data.constructor?.name}`, {
    what,
    dtype,
    expected,
  })
}

function arrayOf(dtype: ElementType): { readonly name: string } | undefined {
  try {
    return allocate(dtype, 0).constructor
  } catch {
    return undefined
  }
}

/** What two tensors share when one is a view of the other. */
export function memoryOf(value: ModelValue): unknown {
  if (!('data' in value)) return value
  return Array.isArray(value.data) ? value.data : value.data.buffer
}

export function copyOf(value: ModelValue): ModelValue {
  return 'data' in value ? ({ ...value, data: value.data.slice() } as ModelValue) : structuredClone(value)
}

/** Copies a result into the caller's tensor where there is one. */
export function into(name: string, value: ModelValue, target: Tensor<ElementType> | undefined): ModelValue {
  if (!target) return value
  if (!('data' in value) || value.dtype !== target.dtype || value.shape.join() !== target.shape.join()) {
    const got = 'data' in value ? `${value.dtype} [${value.shape.join(', ')}]` : value.kind
    throw new HenceError('SHAPE_MISMATCH', `run: the output "${name}" is ${got}, its tensor ${target.dtype} [${target.shape.join(', ')}]`, {
      output: name,
      expected: target.shape,
    })
  }
  if (Array.isArray(target.data)) target.data.splice(0, target.data.length, ...(value.data as string[]))
  else target.data.set(value.data as never)
  return target
}

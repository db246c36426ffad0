import {
  allocate,
  type ElementType,
  HenceError,
  type ModelValue,
  nearest,
  type ProfileOptions,
  type RunOptions,
  type Tensor,
  type TensorModel,
  type TensorModelDescription,
  type TensorProfile,
  throwIfAborted,
} from '../core/index.ts'
import type { OnnxType, OnnxValueInfo } from '../formats/index.ts'
import { type CompiledGraph, profileGraph, type StartedGraph } from '../graph/index.ts'
import { abortSignal, checkOptions, integer, type OptionRule, plainObject } from './check-options.ts'

const RUN_RULES: Readonly<Record<string, OptionRule>> = { signal: abortSignal, outputs: plainObject }
const PROFILE_RULES: Readonly<Record<string, OptionRule>> = { signal: abortSignal, runs: integer(1, 100_000) }

/** What a tensor model is made of. */
export interface TensorModelParts extends StartedGraph {
  readonly description: TensorModelDescription
  /** Inputs that have a value of their own unless one is given. */
  readonly defaults: readonly OnnxValueInfo[]
}

/** The public face over a compiled graph. */
export function createTensorModel(parts: TensorModelParts): TensorModel {
  return new GraphModel(parts)
}

class GraphModel implements TensorModel {
  readonly kind = 'tensor'
  readonly #parts: TensorModelParts
  readonly #disposal = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(parts: TensorModelParts) {
    this.#parts = parts
  }

  describe(): TensorModelDescription {
    this.#checkAlive()
    return structuredClone(this.#parts.description)
  }

  async run(inputs: Readonly<Record<string, ModelValue>>, options: RunOptions = {}): Promise<Record<string, ModelValue>> {
    this.#checkAlive()
    checkOptions('run', options, RUN_RULES)
    throwIfAborted(options.signal)
    const { graph } = this.#parts
    this.#checkInputs(inputs)
    checkOutputs(graph.graph.outputs, options.outputs ?? {})
    const results = await this.#whileAlive(options, async signal =>
      (await this.#graphFor(inputs)).run(new Map(Object.entries(inputs)), signal),
    )
    const outputs: Record<string, ModelValue> = {}
    // A graph may hand an input on, or one value under two names.
    const taken = new Set(Object.values(inputs).map(memoryOf))
    for (const [i, name] of graph.graph.outputs.entries()) {
      const value = taken.has(memoryOf(results[i]!)) ? copyOf(results[i]!) : results[i]!
      taken.add(memoryOf(value))
      outputs[name] = into(name, value, options.outputs?.[name])
    }
    return outputs
  }

  async profile(inputs: Readonly<Record<string, ModelValue>>, options: ProfileOptions = {}): Promise<TensorProfile> {
    this.#checkAlive()
    checkOptions('profile', options, PROFILE_RULES)
    throwIfAborted(options.signal)
    this.#checkInputs(inputs)
    return this.#whileAlive(options, async signal =>
      profileGraph(await this.#graphFor(inputs), new Map(Object.entries(inputs)), { runs: options.runs, signal }),
    )
  }

  /** The graph that takes the inputs that are given. */
  async #graphFor(inputs: Readonly<Record<string, ModelValue>>): Promise<CompiledGraph> {
    const { graph, defaults } = this.#parts
    const given = defaults.flatMap(({ name }) => (inputs[name] === undefined ? [] : [name]))
    return given.length === 0 ? graph : this.#parts.withDefaultsGiven(given)
  }

  #checkInputs(inputs: Readonly<Record<string, ModelValue>>): void {
    checkInputs(this.#parts.graph.graph.inputs, this.#parts.defaults, inputs)
  }

  /** Work that disposing ends and waits for. */
  async #whileAlive<T>({ signal }: { readonly signal?: AbortSignal | undefined }, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const work = start(signal ? AbortSignal.any([signal, this.#disposal.signal]) : this.#disposal.signal)
    this.#running.add(work)
    try {
      return await work
    } catch (error) {
      this.#checkAlive()
      throw error
    } finally {
      this.#running.delete(work)
    }
  }

  dispose(): void {
    if (this.#disposal.signal.aborted) return
    this.#disposal.abort(new HenceError('DISPOSED', 'the model was disposed'))
    const { graph, backend } = this.#parts
    const release = (): void => {
      graph.dispose()
      backend.dispose()
    }
    if (this.#running.size === 0) release()
    else void Promise.allSettled(this.#running).then(release)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#running]
    this.dispose()
    await Promise.allSettled(running)
  }

  #checkAlive(): void {
    if (this.#disposal.signal.aborted) throw new HenceError('DISPOSED', 'the model was disposed')
  }
}

/** Every input must be there, of the type and shape the model states; sizes with the same name must be equal. */
function checkInputs(
  wanted: readonly OnnxValueInfo[],
  defaults: readonly OnnxValueInfo[],
  given: Readonly<Record<string, ModelValue>>,
): void {
  const names = wanted.map(({ name }) => name)
  const optional = new Set(defaults.map(({ name }) => name))
  for (const name of Object.keys(given))
    if (!names.includes(name) && !optional.has(name)) {
      const close = nearest(name, names)
      throw new HenceError('OPTION_INVALID', `run: the model has no input "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
        input: name,
        inputs: names,
      })
    }
  const sizes = new Map<string, number>()
  for (const { name, type } of [...wanted, ...defaults]) {
    const value = given[name]
    if (value === undefined) {
      if (optional.has(name)) continue
      throw new HenceError('OPTION_INVALID', `run: the input "${name}" is missing`, { input: name, inputs: names })
    }
    checkValue(name, value, type, sizes)
  }
}

function checkValue(name: string, value: ModelValue, type: OnnxType | undefined, sizes: Map<string, number>): void {
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

/** Names of outputs, and tensors that can be written to. */
function checkOutputs(names: readonly string[], given: Readonly<Record<string, Tensor<ElementType>>>): void {
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
function memoryOf(value: ModelValue): unknown {
  if (!('data' in value)) return value
  return Array.isArray(value.data) ? value.data : value.data.buffer
}

function copyOf(value: ModelValue): ModelValue {
  return 'data' in value ? ({ ...value, data: value.data.slice() } as ModelValue) : structuredClone(value)
}

/** Copies a result into the caller's tensor where there is one. */
function into(name: string, value: ModelValue, target: Tensor<ElementType> | undefined): ModelValue {
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

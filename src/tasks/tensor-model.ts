import {
  HenceError,
  type ModelValue,
  type ProfileOptions,
  type RunOptions,
  type TensorModel,
  type TensorModelDescription,
  type TensorProfile,
  throwIfAborted,
} from '../core/index.ts'
import type { OnnxValueInfo } from '../formats/index.ts'
import { abortSignal, checkOptions, integer, type OptionRule, plainObject } from './check-options.ts'
import { checkInputs, checkOutputs, copyOf, into, memoryOf } from './tensor-arguments.ts'

const RUN_RULES: Readonly<Record<string, OptionRule>> = { signal: abortSignal, outputs: plainObject }
const PROFILE_RULES: Readonly<Record<string, OptionRule>> = { signal: abortSignal, runs: integer(1, 100_000) }

/** What computes behind a tensor model: a graph, or a network Hence writes itself. */
export interface TensorEngine {
  readonly inputs: readonly OnnxValueInfo[]
  /** Inputs that may be left out. */
  readonly optionalInputs: readonly OnnxValueInfo[]
  readonly outputs: readonly string[]
  /** Results in the order of `outputs`; undefined for those that the given inputs do not lead to. */
  run(inputs: ReadonlyMap<string, ModelValue>, signal: AbortSignal): Promise<readonly (ModelValue | undefined)[]>
  profile(inputs: ReadonlyMap<string, ModelValue>, options: ProfileOptions): Promise<TensorProfile>
  dispose(): void
}

/** The public face over an engine: checks what it is given and what it may still do. */
export class EngineModel<E extends TensorEngine = TensorEngine> implements TensorModel {
  readonly kind = 'tensor'
  /** For the tasks; no part of the interface. */
  readonly engine: E
  readonly #description: TensorModelDescription
  readonly #disposal = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(engine: E, description: TensorModelDescription) {
    this.engine = engine
    this.#description = description
  }

  describe(): TensorModelDescription {
    this.#checkAlive()
    return structuredClone(this.#description)
  }

  async run(inputs: Readonly<Record<string, ModelValue>>, options: RunOptions = {}): Promise<Record<string, ModelValue>> {
    this.#checkAlive()
    checkOptions('run', options, RUN_RULES)
    throwIfAborted(options.signal)
    const { engine } = this
    checkInputs(engine.inputs, engine.optionalInputs, inputs)
    checkOutputs(engine.outputs, options.outputs ?? {})
    const results = await this.whileAlive(options, signal => engine.run(new Map(Object.entries(inputs)), signal))
    const outputs: Record<string, ModelValue> = {}
    // A graph may hand an input on, or one value under two names.
    const taken = new Set(Object.values(inputs).map(memoryOf))
    for (const [i, name] of engine.outputs.entries()) {
      const result = results[i]
      if (result === undefined) continue
      const value = taken.has(memoryOf(result)) ? copyOf(result) : result
      taken.add(memoryOf(value))
      outputs[name] = into(name, value, options.outputs?.[name])
    }
    return outputs
  }

  async profile(inputs: Readonly<Record<string, ModelValue>>, options: ProfileOptions = {}): Promise<TensorProfile> {
    this.#checkAlive()
    checkOptions('profile', options, PROFILE_RULES)
    throwIfAborted(options.signal)
    checkInputs(this.engine.inputs, this.engine.optionalInputs, inputs)
    return this.whileAlive(options, signal => this.engine.profile(new Map(Object.entries(inputs)), { runs: options.runs, signal }))
  }

  /** Work that disposing ends and waits for; its signal also obeys the caller's. */
  async whileAlive<T>({ signal }: { readonly signal?: AbortSignal | undefined }, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#checkAlive()
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
    const release = (): void => this.engine.dispose()
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

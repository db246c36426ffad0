import { type ElementArrayOf, type ElementType, Rng, tensor } from '../src/core/index.ts'
import type { OnnxAttribute } from '../src/formats/index.ts'
import { Attributes } from '../src/graph/attributes.ts'
import type { GraphTensor, OperatorCall, Value } from '../src/graph/operator.ts'
import { findOperator } from '../src/graph/operators/index.ts'

/** What of a call a test cares about. */
export interface CallOptions {
  readonly domain?: string
  /** Default 25. */
  readonly version?: number
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  /** Default 1. */
  readonly outputs?: number
}

/** A call of an operator outside of any graph. */
export function operatorCall(name: string, inputs: readonly (Value | undefined)[], options: CallOptions = {}): OperatorCall {
  const node = `${name} "test"`
  return {
    node,
    version: options.version ?? 25,
    inputs,
    attributes: new Attributes(node, options.attributes ?? {}),
    outputCount: options.outputs ?? 1,
    host: { random: seed => new Rng(seed ?? 0), runGraph: async () => [], maxLoopIterations: 1000 },
  }
}

/** Runs one operator and returns its tensors. */
export async function runOperator(name: string, inputs: readonly (Value | undefined)[], options: CallOptions = {}): Promise<GraphTensor[]> {
  const operator = findOperator(options.domain ?? '', name)
  if (!operator) throw new TypeError(`no operator ${name}`)
  return (await operator.run(operatorCall(name, inputs, options))) as GraphTensor[]
}

/** A tensor of 64-bit integers. */
export function i64(shape: readonly number[], ...values: readonly (number | bigint)[]): GraphTensor {
  return tensor('i64', shape, BigInt64Array.from(values, BigInt))
}

/** A tensor of singles, zeros without values. */
export function f32(shape: readonly number[], ...values: readonly number[]): GraphTensor {
  return values.length > 0 ? tensor('f32', shape, Float32Array.from(values)) : tensor('f32', shape)
}

/** A tensor over data of any element type. */
export function typed<D extends ElementType>(dtype: D, shape: readonly number[], data: ElementArrayOf[D]): GraphTensor {
  return tensor(dtype, shape, data) as GraphTensor
}

/** The code a call fails with, or `undefined`. */
export async function failureOf(run: () => unknown): Promise<string | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

export const int = (value: number): OnnxAttribute => ({ type: 'int', value })
export const ints = (...value: readonly number[]): OnnxAttribute => ({ type: 'ints', value })
export const text = (value: string): OnnxAttribute => ({ type: 'string', value })

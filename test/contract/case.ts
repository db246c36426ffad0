import { expect } from 'vitest'
import { Rng, type Tensor, type TensorData } from '../../src/core/index.ts'
import type { StorageType } from '../../src/formats/index.ts'
import type { DimValues, Program, ProgramBuilder } from '../../src/program/index.ts'
import { ProgramBuilder as Builder } from '../../src/program/index.ts'
import type { MemoryTensor } from '../memory-weights.ts'

/** One program with its data: every backend must compute what the reference backend computes. */
export interface ContractCase {
  readonly name: string
  readonly program: Program
  readonly weights: Readonly<Record<string, MemoryTensor>>
  /** Steps run one after the other in one execution, so that states carry over. */
  readonly steps: readonly { readonly inputs: Readonly<Record<string, TensorData>>; readonly dims: DimValues }[]
  readonly limits: DimValues
  /** Relative L2 error allowed in `fast`, where it may differ from `exact`; see docs/precision.md. */
  readonly fastError?: number
}

/** Relative L2 error allowed in `exact`: f32 accumulation over a few thousand terms. */
export const EXACT_ERROR = 3e-6

/** Collects the parts of a {@link ContractCase} while its program is built. */
export class CaseBuilder {
  readonly rng: Rng
  readonly builder: ProgramBuilder
  readonly weights: Record<string, MemoryTensor> = {}
  readonly inputs: Record<string, TensorData> = {}
  readonly #name: string

  constructor(name: string, seed = 1) {
    this.#name = name
    this.rng = new Rng(seed)
    this.builder = new Builder(name)
  }

  numbers(count: number, scale = 1): Float32Array {
    return Float32Array.from({ length: count }, () => this.rng.normal() * scale)
  }

  /** A weight of normal numbers, stored as `type`. */
  weight(name: string, shape: readonly number[], type: StorageType = 'f32', scale = 1) {
    this.weights[name] = {
      shape,
      data: this.numbers(
        shape.reduce((a, b) => a * b, 1),
        scale,
      ),
      type,
    }
    return this.builder.weight({ tensor: name }, shape)
  }

  /** An f32 input of known shape, filled with normal numbers. */
  input(name: string, shape: readonly number[], scale = 1) {
    this.inputs[name] = this.numbers(
      shape.reduce((a, b) => a * b, 1),
      scale,
    )
    return this.builder.input(name, 'f32', shape)
  }

  /** An i32 input of known shape. */
  indices(name: string, values: readonly number[]) {
    this.inputs[name] = Int32Array.from(values)
    return this.builder.input(name, 'i32', [values.length])
  }

  done(limits: DimValues = {}, fastError?: number): ContractCase {
    const base = {
      name: this.#name,
      program: this.builder.build(),
      weights: this.weights,
      steps: [{ inputs: this.inputs, dims: {} }],
      limits,
    }
    return fastError === undefined ? base : { ...base, fastError }
  }
}

/** Copies outputs out of an execution's memory. */
export function snapshot(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, { ...t, data: t.data.slice() }]))
}

/** Compares all outputs: equal integers, and numbers within a relative L2 error. */
export function expectClose(actual: Readonly<Record<string, Tensor>>, expected: Readonly<Record<string, Tensor>>, error: number): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected))
  for (const [name, want] of Object.entries(expected)) {
    const got = actual[name]!
    expect(got.shape, name).toEqual(want.shape)
    if (want.dtype !== 'f32') {
      expect(Array.from(got.data as Int32Array), name).toEqual(Array.from(want.data as Int32Array))
      continue
    }
    expect(relativeError(got.data as Float32Array, want.data as Float32Array), `${name}: relative error`).toBeLessThanOrEqual(error)
  }
}

/** ‖actual − expected‖ / ‖expected‖; infinite where one has a NaN. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let difference = 0
  let norm = 0
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2
    norm += expected[i]! ** 2
  }
  const error = Math.sqrt(difference / Math.max(norm, 1e-30))
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
}

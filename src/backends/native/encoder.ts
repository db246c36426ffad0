import { type Dim, formatDim } from '../../program/index.ts'
import type { ConvTransposeForm } from './conv-transpose-weights.ts'
import type { ConvForm } from './conv-weights.ts'
import type { QuantisedForm } from './quantised-weights.ts'

/** The matrices of several experts, one after the other, each as whole panels. */
export interface ExpertsForm {
  readonly experts: number
}

/**
 * How a weight is held: as panels for matmul and gather, as those of several matrices, as panels in the order of a
 * convolution's method, as panels of bytes, or as plain f32 numbers.
 */
export type WeightForm = 'packed' | 'dense' | ExpertsForm | ConvForm | ConvTransposeForm | QuantisedForm

/** A weight in one of its forms. */
export interface WeightUse {
  readonly buffer: number
  readonly form: WeightForm
}

/** A text that is the same for the same use. */
export function useKey({ buffer, form }: WeightUse): string {
  return `${buffer} ${JSON.stringify(form)}`
}

/** Collects words, floats, dims and matrices while instructions are encoded. */
export class Encoder {
  readonly words: number[] = []
  readonly floats: number[] = []
  readonly dims: Dim[] = []
  readonly matrices: WeightUse[] = []
  readonly #dimIndex = new Map<string, number>()
  readonly #matrixIndex = new Map<string, number>()

  dim(dim: Dim): number {
    const key = formatDim(dim)
    const known = this.#dimIndex.get(key)
    if (known !== undefined) return known
    this.#dimIndex.set(key, this.dims.length)
    return this.dims.push(dim) - 1
  }

  float(value: number): number {
    return this.floats.push(value) - 1
  }

  matrix(buffer: number, form: WeightForm = 'packed'): number {
    const use = { buffer, form }
    const known = this.#matrixIndex.get(useKey(use))
    if (known !== undefined) return known
    this.#matrixIndex.set(useKey(use), this.matrices.length)
    return this.matrices.push(use) - 1
  }
}

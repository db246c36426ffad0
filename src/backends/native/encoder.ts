import { type Dim, formatDim } from '../../program/index.ts'

/** Collects words, floats, dims and matrices while instructions are encoded. */
export class Encoder {
  readonly words: number[] = []
  readonly floats: number[] = []
  readonly dims: Dim[] = []
  readonly matrices: number[] = []
  readonly #dimIndex = new Map<string, number>()
  readonly #matrixIndex = new Map<number, number>()

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

  matrix(buffer: number): number {
    const known = this.#matrixIndex.get(buffer)
    if (known !== undefined) return known
    this.#matrixIndex.set(buffer, this.matrices.length)
    return this.matrices.push(buffer) - 1
  }
}

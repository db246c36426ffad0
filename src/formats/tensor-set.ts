import { type ElementType, HenceError, nearest, type Tensor } from '../core/index.ts'

/** Tensors by name, as a file of weights has them. Asking for one that is not there is an error with the nearest name. */
export class TensorSet implements Iterable<readonly [string, Tensor<ElementType>]> {
  readonly #source: string
  readonly #tensors: ReadonlyMap<string, Tensor<ElementType>>

  /** @param source - how messages call the file */
  constructor(source: string, tensors: ReadonlyMap<string, Tensor<ElementType>>) {
    this.#source = source
    this.#tensors = tensors
  }

  get names(): readonly string[] {
    return [...this.#tensors.keys()]
  }

  /** Whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  /**
   * The tensor of a name.
   *
   * @param shape - refuses any other one
   * @throws HenceError `TENSOR_MISSING`, `TENSOR_MISMATCH`
   */
  get(name: string, shape?: readonly number[]): Tensor<ElementType> {
    const found = this.#tensors.get(name)
    if (found === undefined) {
      const close = nearest(name, this.#tensors.keys())
      throw new HenceError('TENSOR_MISSING', `${this.#source} has no tensor "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
        tensor: name,
        ...(close ? { suggestion: close } : {}),
      })
    }
    if (shape && shape.join() !== found.shape.join())
      throw new HenceError(
        'TENSOR_MISMATCH',
        `${this.#source}: tensor "${name}" has the shape [${found.shape.join(', ')}], expected [${shape.join(', ')}]`,
        { tensor: name, expected: shape, got: found.shape },
      )
    return found
  }

  [Symbol.iterator](): Iterator<readonly [string, Tensor<ElementType>]> {
    return this.#tensors.entries()
  }
}

import type { ElementType } from './dtype.ts'
import type { Tensor } from './tensor.ts'

type Data = Tensor<ElementType>['data']

const releases = new WeakMap<object, () => void>()

/**
 * Lets a tensor's numbers be released: they are then made again when they are next asked for, and kept from there on.
 *
 * @param tensor - its `data` becomes an accessor
 * @param data - the numbers, where they are there already
 * @param make - gives the same numbers every time
 * @param from - tensors that `make` reads; they are released with this one
 */
export function makeLazy<T extends ElementType>(
  tensor: Omit<Tensor<T>, 'data'>,
  data: Tensor<T>['data'] | undefined,
  make: () => Tensor<T>['data'],
  from: readonly Tensor<ElementType>[] = [],
): Tensor<T> {
  let held: Data | undefined = data
  Object.defineProperty(tensor, 'data', {
    configurable: true,
    // Copies made by spreading have the numbers themselves.
    enumerable: true,
    get() {
      held ??= make()
      return held
    },
  })
  releases.set(tensor, () => {
    held = undefined
    for (const source of from) releaseData(source)
  })
  return tensor as Tensor<T>
}

/** Lets go of the numbers of a tensor that can make them again; nothing happens to others. */
export function releaseData(tensor: Tensor<ElementType>): void {
  releases.get(tensor)?.()
}

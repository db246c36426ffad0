/** All combinations of so many items, in order. */
export function* combinations<T>(items: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) yield []
  else for (let i = from; i + size <= items.length; i++) for (const rest of combinations(items, size - 1, i + 1)) yield [items[i]!, ...rest]
}

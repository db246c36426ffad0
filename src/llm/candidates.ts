/** Ids of the `count` largest logits, largest first, lower ids first among equals. Linear in the vocabulary but for a small heap. */
export function likeliest(logits: Float32Array, count: number): Uint32Array {
  // A heap whose root is the candidate that goes first.
  const heap = new Uint32Array(Math.min(count, logits.length))
  const isWorse = (a: number, b: number): boolean => logits[a]! < logits[b]! || (logits[a] === logits[b] && a > b)
  let size = 0
  for (let id = 0; id < logits.length; id++) {
    if (size < heap.length) siftUp(heap, size++, id, isWorse)
    else if (logits[id]! > logits[heap[0]!]!) siftDown(heap, size, id, isWorse)
  }
  return heap.sort((a, b) => logits[b]! - logits[a]! || a - b)
}

/**
 * Ids of the fewest likeliest tokens that reach the probability `topP` of all tokens, or of `candidates` when given.
 *
 * @param largest - the largest logit
 * @param scale - multiplies logits before they become probabilities
 * @param candidates - sorted, largest first
 */
export function nucleus(logits: Float32Array, largest: number, scale: number, topP: number, candidates?: Uint32Array): Uint32Array {
  let total = 0
  const weight = (id: number): number => Math.exp((logits[id]! - largest) * scale)
  if (candidates) for (const id of candidates) total += weight(id)
  else for (let id = 0; id < logits.length; id++) total += weight(id)
  const sorted = candidates ?? aboveTail(logits, largest, scale, topP).sort((a, b) => logits[b]! - logits[a]! || a - b)
  let mass = 0
  let kept = 0
  while (kept < sorted.length && mass < topP * total) mass += weight(sorted[kept++]!)
  return sorted.subarray(0, Math.max(1, kept))
}

/**
 * Ids that can be in the nucleus: a token lighter than (1 − topP) / n of the largest cannot, for all of those together
 * weigh less than 1 − topP. So only few tokens need sorting.
 */
function aboveTail(logits: Float32Array, largest: number, scale: number, topP: number): Uint32Array {
  const floor = largest + Math.log((1 - topP) / logits.length) / scale
  let count = 0
  for (let id = 0; id < logits.length; id++) if (logits[id]! >= floor) count++
  const ids = new Uint32Array(count)
  let at = 0
  for (let id = 0; id < logits.length; id++) if (logits[id]! >= floor) ids[at++] = id
  return ids
}

type Order = (a: number, b: number) => boolean

function siftUp(heap: Uint32Array, at: number, id: number, isWorse: Order): void {
  let i = at
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!isWorse(id, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = id
}

/** Puts `id` in place of the root. */
function siftDown(heap: Uint32Array, size: number, id: number, isWorse: Order): void {
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= size) break
    if (child + 1 < size && isWorse(heap[child + 1]!, heap[child]!)) child++
    if (!isWorse(heap[child]!, id)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = id
}

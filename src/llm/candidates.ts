/** Ids of the `count` largest logits, largest first, lower ids first among equals. Linear in the vocabulary but for a small heap. */
export function likeliest(logits: Float32Array, count: number): Uint32Array {
  const heap = new Uint32Array(Math.min(count, logits.length))
  return heap.subarray(0, fillLikeliest(logits, heap)).sort((a, b) => logits[b]! - logits[a]! || a - b)
}

/** Makes `heap` one of the largest logits' ids, whose root is the one that would go first. @returns how many there are */
function fillLikeliest(logits: Float32Array, heap: Uint32Array): number {
  const capacity = heap.length
  let size = 0
  // NaN is never among the likeliest unless there is room; what follows compares with the root only.
  let least = Number.NaN
  for (let id = 0; id < logits.length; id++) {
    if (size < capacity) siftUp(logits, heap, size++, id)
    else if (logits[id]! > least) siftDown(logits, heap, size, id)
    else continue
    if (size === capacity) least = logits[heap[0]!]!
  }
  return size
}

function isWorse(logits: Float32Array, a: number, b: number): boolean {
  return logits[a]! < logits[b]! || (logits[a] === logits[b] && a > b)
}

function siftUp(logits: Float32Array, heap: Uint32Array, at: number, id: number): void {
  let i = at
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!isWorse(logits, id, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = id
}

/** Puts `id` in place of the root. */
function siftDown(logits: Float32Array, heap: Uint32Array, size: number, id: number): void {
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= size) break
    if (child + 1 < size && isWorse(logits, heap[child + 1]!, heap[child]!)) child++
    if (!isWorse(logits, heap[child]!, id)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = id
}

/** Which tokens may come, and how logits become weights. */
export interface CandidateRule {
  readonly largest: number
  /** Multiplies logits before they become probabilities. */
  readonly scale: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly typicalP: number
}

/**
 * The tokens that may come next, by id, each with the weight exp(scale · (logit − largest)). Its memory is used again for every
 * draw, so one is enough for any number of sequences. Nothing is sorted: a cut is found by halving what it may lie in.
 */
export class Candidates {
  #size = 0
  #ids = new Uint32Array(0)
  #weights = new Float64Array(0)
  /** What a cut is made by, and positions in the order in which it is looked for. */
  #keys = new Float64Array(0)
  #order = new Uint32Array(0)
  #heap = new Uint32Array(0)

  /** Ids that were left by {@link take}, ascending. Valid until the next call. */
  get ids(): Uint32Array {
    return this.#ids.subarray(0, this.#size)
  }

  /** Leaves those the rule leaves: first topK, then topP of these, then minP, then typicalP of what is left. */
  take(logits: Float32Array, rule: CandidateRule): void {
    const { largest, scale, topK, topP, minP, typicalP } = rule
    this.#reserve(logits.length)
    const floor = minP > 0 ? largest + Math.log(minP) / scale : -Infinity
    const hasTopK = topK > 0 && topK < logits.length
    const total = hasTopK ? this.#takeLikeliest(logits, rule) : this.#takeAll(logits, rule, floor)
    if (topP < 1) {
      // Not the weights: different logits may weigh the same.
      for (let i = 0; i < this.#size; i++) this.#keys[i] = this.#weights[i]! > 0 ? logits[this.#ids[i]!]! : -Infinity
      this.#keep(topP * total)
    }
    if (hasTopK && minP > 0) this.#keepFrom(logits, floor)
    if (typicalP < 1) this.#keepTypical(logits, largest, scale, typicalP)
  }

  /** The token at the place `at`, 0 to 1, of all weights side by side; undefined when none has any weight. */
  pick(at: number): number | undefined {
    let left = at * this.#sum()
    let last: number | undefined
    for (let i = 0; i < this.#size; i++) {
      const weight = this.#weights[i]!
      if (!(weight > 0)) continue
      last = this.#ids[i]!
      left -= weight
      if (left < 0) break
    }
    return last
  }

  #reserve(vocabulary: number): void {
    if (this.#ids.length >= vocabulary) return
    this.#ids = new Uint32Array(vocabulary)
    this.#weights = new Float64Array(vocabulary)
    this.#keys = new Float64Array(vocabulary)
    this.#order = new Uint32Array(vocabulary)
  }

  #sum(): number {
    let sum = 0
    for (let i = 0; i < this.#size; i++) sum += this.#weights[i]!
    return sum
  }

  /** @returns the weight of all */
  #takeLikeliest(logits: Float32Array, { largest, scale, topK }: CandidateRule): number {
    if (this.#heap.length !== topK) this.#heap = new Uint32Array(topK)
    // Without a comparator, typed arrays sort by number.
    this.#heap.subarray(0, fillLikeliest(logits, this.#heap)).sort()
    this.#size = topK
    let total = 0
    for (let i = 0; i < topK; i++) {
      const weight = exponential((logits[this.#heap[i]!]! - largest) * scale)
      this.#ids[i] = this.#heap[i]!
      this.#weights[i] = weight
      total += weight
    }
    return total
  }

  /**
   * Takes tokens from `floor` on that can be in the nucleus: one lighter than (1 − topP) / n of the largest cannot, for all of
   * those together weigh less than 1 − topP.
   *
   * @returns the weight of all of the vocabulary where topP needs it
   */
  #takeAll(logits: Float32Array, { largest, scale, topP }: CandidateRule, floor: number): number {
    const least = topP < 1 ? Math.max(floor, largest + Math.log((1 - topP) / logits.length) / scale) : floor
    let size = 0
    let total = 0
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id]!
      if (topP === 1 && !(logit >= least)) continue
      const weight = exponential((logit - largest) * scale)
      total += weight
      if (!(logit >= least) || weight === 0) continue
      this.#ids[size] = id
      this.#weights[size++] = weight
    }
    this.#size = size
    return total
  }

  #keepFrom(logits: Float32Array, floor: number): void {
    let size = 0
    for (let i = 0; i < this.#size; i++) {
      const id = this.#ids[i]!
      if (!(logits[id]! >= floor)) continue
      this.#ids[size] = id
      this.#weights[size++] = this.#weights[i]!
    }
    this.#size = size
  }

  /**
   * Keeps tokens whose information is nearest to the entropy. Source: Meister et al., "Locally Typical Sampling" (2022).
   */
  #keepTypical(logits: Float32Array, largest: number, scale: number, typicalP: number): void {
    const total = this.#sum()
    let mean = 0
    for (let i = 0; i < this.#size; i++) {
      const weight = this.#weights[i]!
      const exponent = weight > 0 ? (logits[this.#ids[i]!]! - largest) * scale : -Infinity
      this.#keys[i] = exponent
      if (weight > 0) mean += (weight / total) * exponent
    }
    // log p = exponent − log total, and the entropy is log total − mean: the logarithms cancel out.
    for (let i = 0; i < this.#size; i++) this.#keys[i] = -Math.abs(this.#keys[i]! - mean)
    this.#keep(typicalP * total)
  }

  /** Keeps the fewest of the largest keys that together weigh `mass`, at least one; lower ids first among equals. */
  #keep(mass: number): void {
    const keys = this.#keys
    const [least, room] = this.#findCut(mass)
    let size = 0
    let ties = 0
    for (let i = 0; i < this.#size; i++) {
      if (!(keys[i]! >= least)) continue
      const weight = this.#weights[i]!
      if (keys[i] === least) {
        if (ties > 0 && ties >= room) continue
        ties += weight
      }
      this.#ids[size] = this.#ids[i]!
      this.#weights[size++] = weight
    }
    this.#size = size
  }

  /** The smallest key to keep, and the mass that those of just that key are to make up. Linear in the mean; no key is NaN. */
  #findCut(mass: number): [least: number, room: number] {
    const keys = this.#keys
    const order = this.#order
    for (let i = 0; i < this.#size; i++) order[i] = i
    let low = 0
    let high = this.#size
    let room = Math.max(mass, Number.MIN_VALUE)
    while (low < high) {
      const pivot = median(keys[order[low]!]!, keys[order[(low + high) >> 1]!]!, keys[order[high - 1]!]!)
      // [low, above) is above the pivot, [above, i) equal to it, [below, high) below.
      let above = low
      let below = high
      let massAbove = 0
      let massEqual = 0
      for (let i = low; i < below; ) {
        const at = order[i]!
        const key = keys[at]!
        if (key > pivot) {
          massAbove += this.#weights[at]!
          order[i++] = order[above]!
          order[above++] = at
        } else if (key === pivot) {
          massEqual += this.#weights[at]!
          i++
        } else {
          order[i] = order[--below]!
          order[below] = at
        }
      }
      if (massAbove >= room) high = above
      else if (massAbove + massEqual >= room) return [pivot, room - massAbove]
      else {
        room -= massAbove + massEqual
        low = below
      }
    }
    return [-Infinity, Infinity]
  }
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}

/** Below, e^x is no part of a sum that is at least 1 any more. */
const LEAST_EXPONENT = -50
const STEPS_PER_UNIT = 64
const POWERS = Float64Array.from({ length: -LEAST_EXPONENT * STEPS_PER_UNIT + 1 }, (_, i) => Math.exp(-i / STEPS_PER_UNIT))

/** e^x for x ≤ 0 within 1 part in 10¹¹, and 0 below −50 and for NaN; half the time of `Math.exp`. */
export function exponential(x: number): number {
  if (!(x > LEAST_EXPONENT)) return 0
  const step = (-x * STEPS_PER_UNIT) | 0
  const rest = x + step / STEPS_PER_UNIT
  return POWERS[step]! * (1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest / 24))))
}

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
  /** Ids of some of the largest logits, largest first, where they are known. */
  readonly likeliest?: Int32Array | undefined
}

const NONE = new Int32Array(0)
/** Below, e^x is no part of a sum that is at least 1 any more. */
const LEAST_EXPONENT = -50
const STEPS_PER_UNIT = 64
const STEPS = -LEAST_EXPONENT * STEPS_PER_UNIT
const POWERS = Float64Array.from({ length: STEPS + 1 }, (_, i) => Math.exp(-i / STEPS_PER_UNIT))
/** In the middle of a step. */
const MIDDLE_POWER = Math.exp(-0.5 / STEPS_PER_UNIT)
/** Sums of weights by a parabola within each step are not farther off, in parts of themselves: it is less than (1/128)³ / 6. */
const ROUGH_ERROR = 1e-7

/**
 * The tokens that may come next, by id, each with the weight exp(scale · (logit − largest)). Its memory is used again for every
 * draw, so one is enough for any number of sequences. Nothing is sorted: a cut is found by what lies in narrow steps, and within
 * one step by halving.
 */
export class Candidates {
  #size = 0
  /** Weight of all candidates. */
  #total = 0
  #ids = new Uint32Array(0)
  #weights = new Float64Array(0)
  /** How far candidates are from what is kept first. */
  #distances = new Float64Array(0)
  /** Places among the candidates, in the order in which a cut is looked for. */
  #order = new Uint32Array(0)
  #heap = new Uint32Array(0)
  /** Weight of the candidates of each step of distances; the last has all beyond. */
  readonly #steps = new Float64Array(STEPS + 1)

  /** Ids that were left by {@link take}, ascending. Valid until the next call. */
  get ids(): Uint32Array {
    return this.#ids.subarray(0, this.#size)
  }

  /** Leaves those the rule leaves: first topK, then topP of these, then minP, then typicalP of what is left. */
  take(logits: Float32Array, rule: CandidateRule): void {
    const { largest, scale, topK, topP, minP, typicalP } = rule
    this.#reserve(logits.length)
    const floor = minP > 0 ? largest + Math.log(minP) / scale : -Infinity
    if (topK > 0 && topK < logits.length) {
      const total = this.#takeLikeliest(logits, rule)
      if (topP < 1) this.#keepNucleus(logits, rule, topP * total)
      if (minP > 0) this.#keepFrom(logits, floor)
    } else this.#takeFrom(logits, rule, floor)
    if (typicalP < 1) this.#keepTypical(logits, largest, scale, typicalP)
  }

  /** The token at the place `at`, 0 to 1, of all weights side by side; undefined when none has any weight. */
  pick(at: number): number | undefined {
    let left = at * this.#total
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
    this.#distances = new Float64Array(vocabulary)
    this.#order = new Uint32Array(vocabulary)
  }

  /** @returns the weight of all */
  #takeLikeliest(logits: Float32Array, { largest, scale, topK, likeliest = NONE }: CandidateRule): number {
    if (this.#heap.length !== topK) this.#heap = new Uint32Array(topK)
    if (likeliest.length < topK) fillLikeliest(logits, this.#heap)
    else this.#heap.set(likeliest.subarray(0, topK))
    this.#takeThese(this.#heap, logits, largest, scale)
    return this.#total
  }

  #takeThese(tokens: Uint32Array | Int32Array, logits: Float32Array, largest: number, scale: number): void {
    // Without a comparator, typed arrays sort by number.
    const ids = this.#ids.subarray(0, tokens.length)
    ids.set(tokens)
    ids.sort()
    this.#size = ids.length
    this.#total = 0
    for (let i = 0; i < ids.length; i++) {
      const weight = exponential((logits[ids[i]!]! - largest) * scale)
      this.#weights[i] = weight
      this.#total += weight
    }
  }

  /** Takes of all tokens the topP likeliest from `floor` on, looking no farther than to where it is certain which these are. */
  #takeFrom(logits: Float32Array, rule: CandidateRule, floor: number): void {
    const { largest, scale, topP } = rule
    if (this.#takeCertain(logits, rule, floor, boundsFrom(logits, rule))) return
    if (topP === 1) {
      this.#takeAbove(logits, rule, floor)
      return
    }
    const bounds = this.#weighSteps(logits, rule)
    if (this.#takeCertain(logits, rule, floor, bounds)) return
    const least = Math.max(floor, largest - this.#reach(topP * bound(bounds.most).most) / scale)
    this.#takeAbove(logits, rule, least)
    const lightest = this.#keepNucleus(logits, rule, topP * bounds.most)
    if (this.#total - lightest < topP * bounds.least) return
    // Between the bounds another token would be left: exactly, then.
    this.#takeAbove(logits, rule, least)
    this.#keepNucleus(logits, rule, topP * exactWeight(logits, rule))
  }

  /** Takes them from what is known of the likeliest. @returns false, and nothing is taken, where the bounds do not tell */
  #takeCertain(logits: Float32Array, rule: CandidateRule, floor: number, bounds: Bounds): boolean {
    const { largest, scale, likeliest = NONE } = rule
    const count = certainCount(logits, rule, floor, bounds)
    if (count > 0) this.#takeThese(likeliest.subarray(0, count), logits, largest, scale)
    return count > 0
  }

  /** Sums up what the tokens of each step weigh, a little faster than {@link exponential} could. @returns what all weigh */
  #weighSteps(logits: Float32Array, { largest, scale }: CandidateRule): Bounds {
    const steps = this.#steps.fill(0)
    const perUnit = scale * STEPS_PER_UNIT
    for (let id = 0; id < logits.length; id++) {
      const distance = (largest - logits[id]!) * perUnit
      if (!(distance < STEPS)) continue
      const step = distance | 0
      const rest = (step + 0.5 - distance) / STEPS_PER_UNIT
      steps[step]! += 1 + rest * (1 + rest / 2)
    }
    let total = 0
    for (let step = 0; step < STEPS; step++) {
      steps[step]! *= POWERS[step]! * MIDDLE_POWER
      total += steps[step]!
    }
    return bound(total)
  }

  /** A distance within which tokens weigh `mass`, by the steps; all of them where they weigh less. */
  #reach(mass: number): number {
    let step = 0
    for (let left = mass; step < STEPS && left > 0; step++) left -= this.#steps[step]!
    // One more, should a token be on the edge.
    return (step + 1) / STEPS_PER_UNIT
  }

  #takeAbove(logits: Float32Array, { largest, scale }: CandidateRule, least: number): void {
    const [ids, weights] = [this.#ids, this.#weights]
    let size = 0
    let total = 0
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id]!
      if (!(logit >= least)) continue
      const weight = exponential((logit - largest) * scale)
      if (weight === 0) continue
      total += weight
      ids[size] = id
      weights[size++] = weight
    }
    this.#size = size
    this.#total = total
  }

  /** @returns the weight of the lightest that is left, 0 where all are left */
  #keepNucleus(logits: Float32Array, { largest, scale }: CandidateRule, mass: number): number {
    for (let i = 0; i < this.#size; i++) this.#distances[i] = (largest - logits[this.#ids[i]!]!) * scale
    return exponential(-this.#keep(mass))
  }

  #keepFrom(logits: Float32Array, floor: number): void {
    let size = 0
    this.#total = 0
    for (let i = 0; i < this.#size; i++) {
      const id = this.#ids[i]!
      if (!(logits[id]! >= floor)) continue
      this.#total += this.#weights[i]!
      this.#ids[size] = id
      this.#weights[size++] = this.#weights[i]!
    }
    this.#size = size
  }

  /**
   * Keeps tokens whose information is nearest to the entropy. Source: Meister et al., "Locally Typical Sampling" (2022).
   */
  #keepTypical(logits: Float32Array, largest: number, scale: number, typicalP: number): void {
    const distances = this.#distances
    let mean = 0
    for (let i = 0; i < this.#size; i++) {
      const weight = this.#weights[i]!
      const exponent = weight > 0 ? (logits[this.#ids[i]!]! - largest) * scale : -Infinity
      distances[i] = exponent
      if (weight > 0) mean += (weight / this.#total) * exponent
    }
    // log p = exponent − log total, and the entropy is log total − mean: the logarithms cancel out.
    for (let i = 0; i < this.#size; i++) distances[i] = Math.abs(distances[i]! - mean)
    this.#keep(typicalP * this.#total)
  }

  /**
   * Keeps the fewest of the smallest distances that together weigh `mass`, at least one; lower ids first among equals.
   *
   * @returns the largest that is kept, infinite where there is no more than `mass`
   */
  #keep(mass: number): number {
    const distances = this.#distances
    const { most, room } = this.#findCut(Math.max(mass, Number.MIN_VALUE))
    let size = 0
    let ties = 0
    this.#total = 0
    for (let i = 0; i < this.#size; i++) {
      const distance = distances[i]!
      if (!(distance <= most)) continue
      const weight = this.#weights[i]!
      if (distance === most) {
        if (ties > 0 && ties >= room) continue
        ties += weight
      }
      this.#total += weight
      this.#ids[size] = this.#ids[i]!
      this.#weights[size++] = weight
    }
    this.#size = size
    return most
  }

  /** The largest distance to keep, and the mass that those of just this distance are to make up. */
  #findCut(mass: number): Cut {
    const [distances, weights, steps] = [this.#distances, this.#weights, this.#steps]
    steps.fill(0)
    for (let i = 0; i < this.#size; i++) steps[stepOf(distances[i]!)]! += weights[i]!
    let room = mass
    let step = 0
    while (step < STEPS && steps[step]! < room) room -= steps[step++]!
    let size = 0
    for (let i = 0; i < this.#size; i++) if (stepOf(distances[i]!) === step) this.#order[size++] = i
    return this.#cutWithin(size, room)
  }

  /** {@link #findCut} among the first `size` of the order. */
  #cutWithin(size: number, mass: number): Cut {
    const [distances, order] = [this.#distances, this.#order]
    let low = 0
    let high = size
    let room = mass
    while (low < high) {
      const pivot = median(distances[order[low]!]!, distances[order[(low + high) >> 1]!]!, distances[order[high - 1]!]!)
      // NaN has no weight, and nothing lies behind it.
      if (Number.isNaN(pivot)) break
      // [low, nearer) is nearer than the pivot, [nearer, i) as far, [farther, high) farther.
      let nearer = low
      let farther = high
      let massNearer = 0
      let massEqual = 0
      for (let i = low; i < farther; ) {
        const at = order[i]!
        const distance = distances[at]!
        if (distance < pivot) {
          massNearer += this.#weights[at]!
          order[i++] = order[nearer]!
          order[nearer++] = at
        } else if (distance === pivot) {
          massEqual += this.#weights[at]!
          i++
        } else {
          order[i] = order[--farther]!
          order[farther] = at
        }
      }
      if (massNearer >= room) high = nearer
      else if (massNearer + massEqual >= room) return { most: pivot, room: room - massNearer }
      else {
        room -= massNearer + massEqual
        low = farther
      }
    }
    return { most: Infinity, room: Infinity }
  }
}

/** Where the weight of all tokens lies. */
interface Bounds {
  readonly least: number
  readonly most: number
}

/** From what is known of the likeliest: none of the others weighs more than the last of these. */
function boundsFrom(logits: Float32Array, { largest, scale, likeliest = NONE }: CandidateRule): Bounds {
  let known = 0
  let last = 1
  for (let i = 0; i < likeliest.length; i++) {
    last = exponential((logits[likeliest[i]!]! - largest) * scale)
    known += last
  }
  return { least: bound(known).least, most: bound(known + (logits.length - likeliest.length) * last).most }
}

/** How many of the likeliest make up topP or are from `floor` on, wherever between its bounds the weight is; 0 where that differs. */
function certainCount(logits: Float32Array, rule: CandidateRule, floor: number, { least, most }: Bounds): number {
  const { largest, scale, topP, likeliest = NONE } = rule
  let mass = 0
  for (let i = 0; i < likeliest.length; i++) {
    const logit = logits[likeliest[i]!]!
    if (!(logit >= floor)) return i
    mass += exponential((logit - largest) * scale)
    if (topP < 1 && mass >= topP * least) return mass >= topP * most ? i + 1 : 0
  }
  return 0
}

function bound(rough: number): Bounds {
  return { least: rough * (1 - ROUGH_ERROR), most: rough * (1 + ROUGH_ERROR) }
}

interface Cut {
  readonly most: number
  readonly room: number
}

function stepOf(distance: number): number {
  return distance < -LEAST_EXPONENT ? (distance * STEPS_PER_UNIT) | 0 : STEPS
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}

/** e^x for x ≤ 0 within 1 part in 10¹¹, and 0 below −50 and for NaN; half the time of `Math.exp`. */
export function exponential(x: number): number {
  if (!(x > LEAST_EXPONENT)) return 0
  const step = (-x * STEPS_PER_UNIT) | 0
  const rest = x + step / STEPS_PER_UNIT
  return POWERS[step]! * (1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest / 24))))
}

/** What all tokens weigh. */
function exactWeight(logits: Float32Array, { largest, scale }: CandidateRule): number {
  let total = 0
  for (let id = 0; id < logits.length; id++) total += exponential((logits[id]! - largest) * scale)
  return total
}

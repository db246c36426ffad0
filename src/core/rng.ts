/**
 * A small seeded generator with good statistics: xoshiro128** seeded through splitmix32.
 * Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators" (2021).
 */
export class Rng {
  readonly #s = new Uint32Array(4)

  /** @param seed - any integer; equal seeds give equal streams on every platform */
  constructor(seed: number) {
    let z = seed >>> 0
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0
      let x = z
      x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
      x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
      this.#s[i] = (x ^ (x >>> 16)) >>> 0
    }
  }

  /** Uniform integer in [0, 2³²). */
  uint32(): number {
    const s = this.#s
    const s1 = s[1]!
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0
    s[2]! ^= s[0]!
    s[3]! ^= s1
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= s1 << 9
    s[3] = rotateLeft(s[3]!, 11)
    return result
  }

  /** Uniform number in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992
  }

  /** Standard normal number (Box–Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Uniform integer in [0, `bound`). */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound)
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k))
}

const SIZE = 624
const SHIFT = 397

/**
 * Uniform numbers in [0, 1) with 53 bits, for operators whose reference results come from this generator.
 * Source: Matsumoto & Nishimura, "Mersenne Twister" (1998), initialised by one 32-bit seed.
 */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(SIZE)
  state[0] = seed
  for (let i = 1; i < SIZE; i++) {
    const last = state[i - 1]!
    state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i
  }
  let at = SIZE
  const refill = (): void => {
    for (let i = 0; i < SIZE; i++) {
      const word = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff)
      state[i] = state[(i + SHIFT) % SIZE]! ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0)
    }
    at = 0
  }
  const next = (): number => {
    if (at === SIZE) refill()
    let word = state[at++]!
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    return (word ^ (word >>> 18)) >>> 0
  }
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992
}

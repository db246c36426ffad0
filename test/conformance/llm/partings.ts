/** Numbers of a model's intermediate results, by the names of its taps. */
export type Taps = Readonly<Record<string, Float32Array>>

const INSIDE = ['mixer_norm', 'q', 'k', 'v', 'attention', 'mixer_residual', 'mlp_norm', 'mlp_inner', undefined]

/**
 * Where two computations of a model part: for each tap both have, in the order of computation, the largest difference,
 * relative to the largest number where that is above 1. Other lengths, and NaN, differ infinitely.
 */
export function partings(ours: Taps, theirs: Taps): { readonly tap: string; readonly difference: number }[] {
  const taps = Object.keys(ours).filter(tap => theirs[tap])
  return taps.sort((a, b) => rank(a) - rank(b)).map(tap => ({ tap, difference: difference(ours[tap]!, theirs[tap]!) }))
}

function difference(actual: Float32Array, expected: Float32Array): number {
  if (expected.length !== actual.length) return Infinity
  let [worst, largest] = [0, 1]
  for (let i = 0; i < actual.length; i++) {
    const distance = Math.abs(actual[i]! - expected[i]!)
    if (!(distance <= worst)) worst = Number.isNaN(distance) ? Infinity : distance
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return worst / largest
}

/** Encoders before decoders; embeddings, layers, what follows, logits. */
function rank(tap: string): number {
  const name = tap.replace('encoder.', '')
  const [, layer, part] = /^layer(\d+)(?:\.(\w+))?$/.exec(name) ?? []
  const side = name === tap ? 1e9 : 0
  if (layer !== undefined) return side + Number(layer) * 100 + INSIDE.indexOf(part)
  return side + (name === 'embeddings' ? -1 : name === 'logits' ? 1e8 + 1 : 1e8)
}

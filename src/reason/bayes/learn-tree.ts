import { HenceError } from '../../core/index.ts'
import { type DataRow, type LearnOptions, type LearntNetwork, learnTables } from './learn-tables.ts'
import { buildNetwork } from './network.ts'

/** How a tree is learnt. */
export interface LearnTreeOptions extends LearnOptions {
  /** The variable without a parent; the first column by default. */
  readonly root?: string | undefined
  /** States by variable, where they are not to be taken from the data. */
  readonly states?: Readonly<Record<string, readonly string[]>> | undefined
}

/**
 * Learns the tree over all columns that fits the data best: the spanning tree of most mutual information, turned away from the
 * root. A pair of columns is judged by the cases that have both.
 *
 * Source: Chow & Liu, "Approximating discrete probability distributions with dependence trees" (1968).
 *
 * @throws HenceError `OPTION_INVALID`
 */
export function learnTree(rows: readonly DataRow[], options: LearnTreeOptions = {}): LearntNetwork {
  const names = [...new Set(rows.flatMap(row => Object.keys(row)))]
  if (names.length === 0) throw new HenceError('OPTION_INVALID', 'learnTree: there are no columns')
  const texts = names.map(name => rows.map(row => (row[name] === null || row[name] === undefined ? undefined : String(row[name]))))
  const states = names.map((name, v) => options.states?.[name] ?? [...new Set(texts[v]!.filter(text => text !== undefined))].sort())
  const columns = texts.map((column, v) => {
    const places = new Map(states[v]!.map((state, s) => [state, s]))
    return Int32Array.from(column, text => (text === undefined ? -1 : (places.get(text) ?? -1)))
  })
  const root = options.root === undefined ? 0 : names.indexOf(options.root)
  if (root < 0) throw new HenceError('OPTION_INVALID', `learnTree: the root ${options.root} is no column of the data`, { names })
  const parents = spanningTree(names.length, root, (a, b) =>
    mutualInformation(columns[a]!, columns[b]!, states[a]!.length, states[b]!.length),
  )
  const start = buildNetwork({
    name: '',
    variables: names.map((name, v) => {
      const parent = parents[v]!
      const cells = states[v]!.length * (parent < 0 ? 1 : states[parent]!.length)
      return {
        name,
        states: states[v]!,
        parents: parent < 0 ? [] : [names[parent]!],
        table: new Float64Array(cells).fill(1 / states[v]!.length),
      }
    }),
  })
  const asText = rows.map(row =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null || value === undefined ? null : String(value)])),
  )
  return learnTables(start, asText, options)
}

/** Prim's algorithm: by node its parent, -1 for the root. */
function spanningTree(count: number, root: number, weight: (a: number, b: number) => number): Int32Array {
  const parents = new Int32Array(count).fill(-1)
  const best = new Float64Array(count).fill(Number.NEGATIVE_INFINITY)
  const isIn = new Uint8Array(count)
  for (let node = root; node >= 0; ) {
    isIn[node] = 1
    let next = -1
    for (let other = 0; other < count; other++) {
      if (isIn[other] === 1) continue
      const w = weight(node, other)
      if (w > best[other]!) {
        best[other] = w
        parents[other] = node
      }
      if (next < 0 || best[other]! > best[next]!) next = other
    }
    node = next
  }
  return parents
}

/** In nats, over the cases that have both. */
function mutualInformation(a: Int32Array, b: Int32Array, aCard: number, bCard: number): number {
  const joint = new Float64Array(aCard * bCard)
  let count = 0
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < 0 || b[i]! < 0) continue
    joint[a[i]! * bCard + b[i]!]!++
    count++
  }
  const aSums = new Float64Array(aCard)
  const bSums = new Float64Array(bCard)
  for (let s = 0; s < aCard; s++)
    for (let t = 0; t < bCard; t++) {
      aSums[s]! += joint[s * bCard + t]!
      bSums[t]! += joint[s * bCard + t]!
    }
  let information = 0
  for (let s = 0; s < aCard; s++)
    for (let t = 0; t < bCard; t++) {
      const n = joint[s * bCard + t]!
      if (n > 0) information += (n / count) * Math.log((n * count) / (aSums[s]! * bSums[t]!))
    }
  return information
}

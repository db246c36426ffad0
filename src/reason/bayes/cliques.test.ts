import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomNetwork } from '../../../test/random-networks.ts'
import { Rng } from '../../core/index.ts'
import type { CliqueTable } from './clique-table.ts'
import { DenseClique, Scratch } from './dense-clique.ts'
import { cellCount, type Factor } from './factor.ts'
import { BayesNet } from './index.ts'
import { SparseClique } from './sparse-clique.ts'
import { findSupport, restrictSupport } from './support.ts'

const cards = [2, 3, 1, 4, 2, 3]
const scope = [4, 0, 5, 2, 3, 1]

function randomTable(rng: Rng, cells: number, zeros: number): Float64Array {
  return Float64Array.from({ length: cells }, () => (rng.uniform() < zeros ? 0 : rng.uniform()))
}

function randomFactor(rng: Rng): Factor {
  const variables = scope.filter(() => rng.uniform() < 0.5).sort(() => rng.uniform() - 0.5)
  return { scope: variables, table: randomTable(rng, cellCount(variables, cards), 0.4) }
}

/** Everything a clique says in one round of messages. */
function speak(table: CliqueTable, separatorCells: number, childCells: readonly number[], seed: number, reduction: 'sum' | 'max') {
  const rng = new Rng(seed)
  const messages = childCells.map(cells => randomTable(rng, cells, 0))
  const likelihoods = [4, 1].map(variable => ({ variable, values: randomTable(rng, cards[variable]!, 0.2) }))
  const up = new Float64Array(separatorCells)
  table.collect(likelihoods, messages, up, reduction)
  const down = randomTable(rng, separatorCells, 0.3)
  const into = childCells.map(cells => new Float64Array(cells))
  table.project(down, into)
  const whole = childCells.map(cells => new Float64Array(cells))
  table.project(undefined, whole)
  const cells: number[] = []
  for (let row = 0; row < separatorCells; row++) table.forEachCell(row, (residual, value) => cells.push(row, residual, value))
  return [up, ...into, ...whole, table.residual(down), cells].map(values => Array.from(values))
}

/** The same lists, but for the order in which sums were rounded. */
function expectClose(actual: readonly number[][], wanted: readonly number[][]): void {
  expect(actual.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length))
  const all = wanted.flat()
  expect(actual.flat().filter((value, i) => Math.abs(value - all[i]!) > 1e-12 * Math.abs(all[i]!))).toEqual([])
}

test('a compressed clique says the same as the full one', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 6 }), fc.constantFrom('sum', 'max'), (seed, separatorLength, reduction) => {
      const rng = new Rng(seed)
      const factors = [randomFactor(rng), randomFactor(rng), randomFactor(rng)]
      const children = [scope.slice(1, 3), scope.slice(2)].map(child => ({
        scope: child,
        support: Uint8Array.from(randomTable(rng, cellCount(child, cards), 0.2), value => (value > 0 ? 1 : 0)),
      }))
      // A child's message is zero where its support is: it then stands for a factor.
      const supports = children.map(({ scope, support }) => ({ scope, table: Float64Array.from(support) }))
      const dense = new DenseClique(
        { scope, separatorLength, cards, factors: [...factors, ...supports], childScopes: children.map(child => child.scope) },
        new Scratch(),
      )
      const support = findSupport({ scope, separatorLength, cards, factors, children }, Number.POSITIVE_INFINITY)!
      const sparse = new SparseClique({ scope, separatorLength, cards, support })
      const separatorCells = cellCount(scope.slice(0, separatorLength), cards)
      const childCells = children.map(child => cellCount(child.scope, cards))
      const [actual, wanted] = [sparse, dense].map(table => speak(table, separatorCells, childCells, seed, reduction))
      expectClose(actual!, wanted!)
    }),
  )
})

test('support ends where the limit is, and is restricted by the parent', () => {
  const factors = [{ scope: [0, 1], table: Float64Array.of(1, 0, 0, 0, 1, 1) }]
  const parts = { scope: [0, 1], separatorLength: 1, cards: [2, 3], factors, children: [] }
  const support = findSupport(parts, 3)!
  expect(findSupport(parts, 2)).toBeUndefined()
  expect({ ...support, values: [...support.values] }).toMatchObject({
    rowStarts: Int32Array.of(0, 1, 3),
    residuals: Int32Array.of(0, 1, 2),
  })
  expect(restrictSupport(support, Uint8Array.of(0, 1))).toMatchObject({ rowStarts: Int32Array.of(0, 0, 2), residuals: Int32Array.of(1, 2) })
})

test('networks large enough to be compressed: the whole tree with findings equals a tree of what the findings leave', () => {
  let compressed = 0
  for (let seed = 1; seed <= 24; seed++) {
    const net = BayesNet.from(randomNetwork({ seed, variables: 30 + (seed % 8), maxStates: 6, maxParents: 3, zeros: 0.65 }))
    const { largest, cells } = net.compile().plan
    if (largest < 2048 || cells > 2e6) continue
    compressed++
    // Findings that are drawn from the network are possible.
    const states: Readonly<Record<string, string>> = net.mpe()[0]!.states
    const given = Object.fromEntries(Object.entries(states).filter((_, v) => v % 4 === seed % 4))
    const whole = net.query(undefined, { given, method: 'jtree' })
    const cut = net.query(undefined, { given, method: 've' })
    for (const name of net.variables) for (const [s, p] of cut[name]!.entries()) expect(Math.abs(whole[name]![s]! - p)).toBeLessThan(1e-12)
    expect(whole.details.logEvidence).toBeCloseTo(cut.details.logEvidence, 10)
  }
  expect(compressed).toBeGreaterThan(4)
})

test('a network that no plan can be made for is refused at once, and sampled where that is allowed', () => {
  const count = 120
  const root = { states: ['0', '1'], table: [0.5, 0.5] }
  const names = Array.from({ length: count }, (_, i) => `r${i}`)
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map(b => [a, b] as const))
  const net = BayesNet.from({
    name: 'all pairs',
    variables: [
      ...names.map(name => ({ name, ...root })),
      ...pairs.map(([a, b]) => ({
        name: `${a}-${b}`,
        states: ['0', '1'],
        parents: [a, b],
        table: [0.9, 0.1, 0.5, 0.5, 0.5, 0.5, 0.1, 0.9],
      })),
    ],
  })
  const given = Object.fromEntries(pairs.map(([a, b]) => [`${a}-${b}`, '1']))
  expect(() => net.query('r0', { given, method: 've' })).toThrow('exact inference needs 1.0e+18 table cells or more')
  expect(() => net.query(undefined, { method: 'jtree' })).toThrow(expect.objectContaining({ code: 'INFERENCE_TOO_LARGE' }))
  expect(net.query('r0', { method: 'auto' }).details.isExact).toBe(true)
  expect(net.query('r0', { given, samples: 200 }).details).toMatchObject({ method: 'lw', isExact: false })
  expect(net.cost('r0', { given })).toMatchObject({ advice: 'sample', ve: { cells: Number.POSITIVE_INFINITY } })
})

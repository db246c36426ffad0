import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasOpenPathByDefinition, mixedGraphs, subsetsOf } from '../../../test/causal-graphs.ts'
import { listAdjustmentSets } from './adjustment.ts'
import { parseCausalGraph } from './graph-text.ts'
import { descendantsOf, type MixedGraph, withoutEdgesInto, withoutEdgesOutOf } from './mixed-graph.ts'
import { collidersOf, isSeparated, type OpenPath, openPath } from './separation.ts'
import { findSeparator, listMinimalSets } from './separators.ts'

/** A graph, two of its nodes, and some of the others. */
const questions = mixedGraphs(6).chain(graph => {
  const size = graph.parents.length
  return fc
    .record({ a: fc.nat(size - 1), b: fc.nat(size - 1), others: fc.subarray([...graph.parents.keys()]) })
    .filter(({ a, b }) => a !== b)
    .map(({ a, b, others }) => ({ graph, a, b, given: new Set(others.filter(node => node !== a && node !== b)) }))
})

test('separation is what trying every path says', () => {
  fc.assert(
    fc.property(questions, ({ graph, a, b, given }) => {
      expect(isSeparated(graph, [a], [b], given)).toBe(!hasOpenPathByDefinition(graph, a, b, given))
    }),
    { numRuns: 1000 },
  )
})

test('the path that is shown is one, and open', () => {
  fc.assert(
    fc.property(questions, ({ graph, a, b, given }) => {
      const path = openPath(graph, [a], [b], given)
      expect(path === undefined).toBe(isSeparated(graph, [a], [b], given))
      if (path) expectOpen(graph, path, a, b, given)
    }),
    { numRuns: 1000 },
  )
})

function expectOpen(graph: MixedGraph, path: OpenPath, a: number, b: number, given: ReadonlySet<number>): void {
  const nodes = [path.start, ...path.steps.map(({ node }) => node)]
  expect([nodes[0], nodes.at(-1), new Set(nodes).size]).toEqual([a, b, nodes.length])
  const colliders = collidersOf(path)
  for (const [i, { edge, node }] of path.steps.entries()) {
    const lists = { '->': graph.children, '<-': graph.parents, '<->': graph.spouses }[edge]
    expect(lists[nodes[i]!]).toContain(node)
    if (node === b) continue
    const isOpen = colliders.includes(node) ? [...descendantsOf(graph, [node])].some(below => given.has(below)) : !given.has(node)
    expect(isOpen).toBe(true)
  }
}

test('separators separate, nothing of them can be left out, and one is found wherever there is one', () => {
  fc.assert(
    fc.property(questions, ({ graph, a, b, given: allowed }) => {
      const [sideA, sideB] = [new Set([a]), new Set([b])]
      const separators = subsetsOf([...allowed]).filter(set => isSeparated(graph, [a], [b], new Set(set)))
      const minimal = separators.filter(
        set => !separators.some(other => other.length < set.length && other.every(node => set.includes(node))),
      )
      const { sets, isComplete } = listMinimalSets(allowed, within => findSeparator(graph, sideA, sideB, within))
      expect(isComplete).toBe(true)
      expect(new Set(sets.map(String))).toEqual(new Set(minimal.map(set => String(set.sort((x, y) => x - y)))))
      const nearest = findSeparator(graph, sideA, sideB, allowed, 'a')
      expect(nearest !== undefined && isSeparated(graph, [a], [b], nearest)).toBe(separators.length > 0)
    }),
    { numRuns: 1000 },
  )
})

test('listing stops at its limit and says so', () => {
  const chains = Array.from({ length: 12 }, (_, i) => `x -> a${i} -> b${i} -> y`)
  const graph = parseCausalGraph(`${chains.join('\n')}\nx <- c -> d -> y`)
  const backDoor = { causes: graph.nodes('x'), effects: graph.nodes('y'), observed: graph.observed }
  expect(listAdjustmentSets(graph, backDoor).sets.map(set => graph.namesOf(set))).toEqual([['c'], ['d']])
  const find = (within: ReadonlySet<number>): Set<number> | undefined => findSeparator(graph, graph.nodes('x'), graph.nodes('y'), within)
  const { sets, isComplete } = listMinimalSets(graph.observed, find, { maxSets: 50 })
  expect([sets.length, isComplete]).toEqual([50, false])
  expect(listMinimalSets(graph.observed, find, { timeoutMs: 0 })).toMatchObject({ sets: [expect.any(Array)], isComplete: false })
})

test('a ladder with a path for every subset of its rungs is no trouble', () => {
  const rungs = 2000
  const lines = Array.from({ length: rungs }, (_, i) => `a${i} -> a${i + 1}; a${i} -> b${i + 1}; b${i} -> a${i + 1}; b${i} -> b${i + 1}`)
  const graph = parseCausalGraph(`${lines.join('\n')}\na0 -> x; b0 -> x; a${rungs} -> y; b${rungs} -> y; x -> y`)
  const effect = { causes: graph.nodes('x'), effects: graph.nodes('y'), observed: graph.observed }
  const { sets } = listAdjustmentSets(graph, effect, { maxSets: 1 })
  expect(graph.namesOf(sets[0]!)).toEqual(['a0', 'b0'])
})

test('cuts', () => {
  const graph = parseCausalGraph('a -> b -> c; a <-> b; b <-> c')
  const b = graph.nodes('b')
  expect(withoutEdgesInto(graph, b)).toEqual({ parents: [[], [], [1]], children: [[], [2], []], spouses: [[], [], []] })
  expect(withoutEdgesOutOf(graph, b)).toEqual({ parents: [[], [0], []], children: [[1], [], []], spouses: [[1], [0, 2], [1]] })
})

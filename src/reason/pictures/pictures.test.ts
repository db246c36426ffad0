import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildNetwork } from '../bayes/network.ts'
import { CausalGraph, parseCausalGraph } from '../causal/index.ts'
import { causalGraphSvg } from './causal-graph-svg.ts'
import { junctionTreeSvg } from './junction-tree-svg.ts'
import { layOut } from './lay-out.ts'
import { networkSvg } from './network-svg.ts'
import { posteriorsSvg } from './posterior-svg.ts'

const yesNo = ['yes', 'no']
const net = buildNetwork({
  name: 'tests & <trials>',
  variables: [
    { name: 'a<b', states: yesNo, table: [0.25, 0.75] },
    { name: 'c', states: yesNo, parents: ['a<b'], table: [0.5, 0.5, 0.1, 0.9] },
    { name: 'd', states: yesNo, parents: ['a<b'], table: [0.5, 0.5, 0.1, 0.9] },
    { name: 'e', states: yesNo, parents: ['c', 'd'], table: [0.5, 0.5, 0.1, 0.9, 0.5, 0.5, 0.1, 0.9] },
  ],
})

/** Tags open and close in order, and every text is escaped. */
function expectWellFormed(svg: string): void {
  const open: string[] = []
  for (const [tag, name] of svg.matchAll(/<\/?([a-zA-Z]+)(?:\s+[\w-]+(?::\w+)?="[^"<>]*")*\s*\/?>/g)) {
    if (tag.startsWith('</')) expect(open.pop()).toBe(name)
    else if (!tag.endsWith('/>')) open.push(name!)
  }
  expect(open).toEqual([])
  expect(svg.replace(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/)
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
}

test('a network, with bars and without', async () => {
  const plain = await networkSvg(net)
  expectWellFormed(plain)
  expect(plain).toContain('<title>tests &amp; &lt;trials&gt;</title>')
  expect(plain.match(/marker-end/g)).toHaveLength(4)
  const bars = await networkSvg(net, { posteriors: { 'a<b': [0.25, 0.75] }, known: ['e'] })
  expectWellFormed(bars)
  expect(bars).toContain('25.0 %')
})

test('a junction tree shows its cliques and what they share', async () => {
  const svg = await junctionTreeSvg(net)
  expectWellFormed(svg)
  expect(svg).toContain('treewidth 2, 16 cells in 2 cliques')
  expect(svg.match(/8 cells/g)).toHaveLength(2)
})

test('posterior bars', () => {
  const svg = posteriorsSvg('lung', [{ variable: 'lung', states: yesNo, probabilities: [0.1, 0.9], errors: [0.02, 0.02] }])
  expectWellFormed(svg)
  expect(svg).toContain('10.00 % ± 2.00')
  expectWellFormed(posteriorsSvg('', []))
})

test('a causal graph with its roles', async () => {
  const graph = parseCausalGraph('x -> y; x <-> y; a -> x; a -> y; u [hidden] -> y')
  const svg = await causalGraphSvg(graph, { causes: ['x'], effects: ['y'], adjusted: ['a'], path: ['x', 'a', 'y'] })
  expectWellFormed(svg)
  expect(svg.match(/marker-start/g)).toHaveLength(1)
  expect(svg.match(/stroke="#d55e00"/g)).toHaveLength(2)
  for (const label of ['cause', 'effect', 'adjusted for', 'hidden']) expect(svg).toContain(`>${label}</text>`)
  await expect(causalGraphSvg(graph, { causes: ['q'] })).rejects.toThrow('no variable "q"')
})

test('boxes do not overlap', async () => {
  const sizes = fc.array(fc.record({ width: fc.integer({ min: 20, max: 200 }), height: fc.integer({ min: 20, max: 120 }) }), {
    minLength: 2,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 20 }), async (boxes, pairs) => {
      const links = pairs.filter(([a, b]) => a < b && b < boxes.length).map(([from, to]) => ({ from, to }))
      const layout = await layOut(boxes, links)
      expect(layout.lines).toHaveLength(links.length)
      for (const [i, a] of layout.boxes.entries())
        for (const [j, b] of layout.boxes.entries()) {
          if (i >= j) continue
          const apart =
            Math.abs(a.x - b.x) >= (boxes[i]!.width + boxes[j]!.width) / 2 ||
            Math.abs(a.y - b.y) >= (boxes[i]!.height + boxes[j]!.height) / 2
          expect(apart).toBe(true)
        }
    }),
    { numRuns: 50 },
  )
})

test('pictures nobody can read are refused, empty ones are drawn', async () => {
  const many = new CausalGraph({ variables: Array.from({ length: 1501 }, (_, i) => `v${i}`) })
  await expect(causalGraphSvg(many)).rejects.toThrow('a picture of 1501 boxes is more than anyone can read; 1500 are the limit')
  expectWellFormed(await causalGraphSvg(new CausalGraph({})))
})

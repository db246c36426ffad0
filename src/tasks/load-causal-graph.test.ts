import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { looksLikeCausalGraph } from '../formats/causal/looks-like-causal-graph.ts'
import { detectFormat } from '../formats/index.ts'
import { load } from './load.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-causal-graph-'))
afterAll(() => rmSync(root, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(root, name), text)
  return join(root, name)
}

test('what a causal graph looks like', () => {
  const graphs = ['x -> y', '# note\n\n"a b" <-> c', 'dag { x -> y }', 'u [hidden] -> x', '{ "format": "hence-causal" }', '/* a */ x <- y']
  expect(graphs.filter(looksLikeCausalGraph)).toEqual(graphs)
  const others = ['', 'network x {', '{ "format": "hence-network" }', '{ "model_type": "bert" }', 'GGUF->', '-> x', 'x', '<svg>', 'x - > y']
  expect(others.filter(looksLikeCausalGraph)).toEqual([])
})

test('files as text and as JSON are the same graph', async () => {
  const text = file('a.txt', 'x -> y; x <-> z; u [hidden] -> y')
  const parts = {
    variables: ['x', 'y', 'z', 'u'],
    arrows: [
      ['x', 'y'],
      ['u', 'y'],
    ],
    confounded: [['x', 'z']],
    hidden: ['u'],
  }
  const json = file('b.json', JSON.stringify({ format: 'hence-causal', ...parts }))
  expect(await detectFormat(text)).toEqual({ kind: 'causal', path: text })
  const [a, b] = [await load(text, { kind: 'causal' }), await load(json, { kind: 'causal' })]
  expect(a.describe()).toEqual({ kind: 'causal', source: text, ...parts, files: [{ path: text, bytes: 32 }] })
  expect(b.graph.toParts()).toEqual(a.graph.toParts())
  await expect(load(text, { kind: 'network' })).rejects.toThrow(`${text} is a causal graph, not a Bayesian network`)
  await expect(load(text)).resolves.toMatchObject({ kind: 'causal' })
})

test.each([
  ['{ "format": "hence-causal", "arrows": [["x"]] }', '"arrows" must be a list of pairs [cause, effect]'],
  ['{ "format": "hence-causal", "hidden": "u" }', '"hidden" must be a list of names'],
  ['{ "format": "hence-causal", ', 'begins as JSON but is not'],
])('%s is refused', async (text, message) => {
  await expect(load(file('bad.json', text), { kind: 'causal' })).rejects.toThrow(message)
})

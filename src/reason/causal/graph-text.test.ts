import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CausalGraph } from './causal-graph.ts'
import { parseCausalGraph, printCausalGraph } from './graph-text.ts'

test('edges, chains, comments and hidden variables', () => {
  const graph = parseCausalGraph(`
    # smoking and cancer
    smoking -> tar -> cancer // a chain
    smoking <-> cancer; "a b" <- cancer, u [hidden]
    alone`)
  expect(graph.toParts()).toEqual({
    variables: ['smoking', 'tar', 'cancer', 'a b', 'u', 'alone'],
    arrows: [
      ['smoking', 'tar'],
      ['tar', 'cancer'],
      ['cancer', 'a b'],
    ],
    confounded: [['smoking', 'cancer']],
    hidden: ['u'],
  })
})

test('the text of DAGitty', () => {
  const graph = parseCausalGraph(`dag {
bb="0,0,1,1"
X [exposure,pos="-1.2,0.3"]
Y [outcome,pos="0.9,0.3"]
U [latent,pos="0,-1"]
X -> Y [beta=0.3]
U -> X
U -> Y
}`)
  expect(graph.toParts()).toMatchObject({
    variables: ['X', 'Y', 'U'],
    hidden: ['U'],
    arrows: [
      ['X', 'Y'],
      ['U', 'X'],
      ['U', 'Y'],
    ],
  })
})

describe('refused, with the line', () => {
  test.each([
    ['a -> b -> c -> a', 'the causal graph has a cycle: a -> b -> c -> a'],
    ['a -> a', '"a" has an edge to itself'],
    ['a ->', 'line 1 of the causal graph: "->" needs a variable after it'],
    ['a -> b;\n-> c', 'line 2 of the causal graph: "->" needs a variable before it'],
    ['a -> -> b', 'line 1 of the causal graph: "->" needs a variable after it'],
    ['a | b', 'line 1 of the causal graph: "|" has no meaning here'],
    ['a -- b', 'line 1 of the causal graph: "--" has no direction; write "->", "<-" or "<->"'],
    ['a = b', 'line 1 of the causal graph: "=" is out of place'],
    ['dag { a -> b', 'line 1 of the causal graph: "{" is not closed by a "}" at the end'],
    ['a -> b\n}', 'line 2 of the causal graph: "}" is out of place'],
  ])('%s', (text, message) => {
    expect(() => parseCausalGraph(text)).toThrow(message)
  })
})

test('unknown names are answered with the nearest', () => {
  const graph = parseCausalGraph('smoking -> cancer')
  expect(() => graph.node('smokng')).toThrow('the causal graph has no variable "smokng"; did you mean "smoking"?')
  expect(() => graph.withHidden(['x'])).toThrow('the causal graph has no variable "x"')
})

test('printed graphs read back as they were', () => {
  const name = fc.oneof(
    fc.stringMatching(/^[a-zA-Z_][\w.-]{0,8}$/),
    fc.string({ minLength: 1, maxLength: 8 }).filter(text => !text.includes('\n')),
  )
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { minLength: 2, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(7), fc.nat(7), fc.boolean())),
      (names, edges) => {
        const pairs = edges
          .map(([a, b, isArrow]) => ({ low: Math.min(a, b) % names.length, high: Math.max(a, b) % names.length, isArrow }))
          .filter(({ low, high }) => low < high)
        const pick = (wanted: boolean): [string, string][] =>
          pairs.filter(({ isArrow }) => isArrow === wanted).map(({ low, high }) => [names[low]!, names[high]!])
        const graph = new CausalGraph({ variables: names, arrows: pick(true), confounded: pick(false), hidden: [names[0]!] })
        expect(parseCausalGraph(printCausalGraph(graph)).toParts()).toEqual(graph.toParts())
      },
    ),
  )
})

test('no text makes anything but an error', () => {
  const piece = fc.constantFrom('a', 'b', 'c', '->', '<-', '<->', '{', '}', '[', ']', '"', ';', '\n', 'dag', ' ', '-', '/', '*', '#', '\\')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
      try {
        parseCausalGraph(pieces.join(''))
      } catch (error) {
        expect(error).toHaveProperty('code', 'CAUSAL_GRAPH_INVALID')
      }
    }),
  )
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isCausalQuery, parseCausalQuery, parseIndependence } from './causal-query.ts'

test('effects, causes, conditions and worlds', () => {
  expect(parseCausalQuery('P(y=yes, "a b" | do(x=no, w), z = low)')).toEqual({
    effects: [
      { variable: 'y', state: 'yes', world: {} },
      { variable: 'a b', world: {} },
    ],
    causes: [{ variable: 'x', state: 'no' }, { variable: 'w' }],
    given: [{ variable: 'z', state: 'low', world: {} }],
  })
  expect(parseCausalQuery('y[x=no, w=1]=yes, y[x=yes] | x=yes')).toEqual({
    effects: [
      { variable: 'y', state: 'yes', world: { x: 'no', w: '1' } },
      { variable: 'y', world: { x: 'yes' } },
    ],
    causes: [],
    given: [{ variable: 'x', state: 'yes', world: {} }],
  })
})

test('which questions are about causes', () => {
  const texts = ['P(lung | do(smoke=no))', 'lung | do(smoke)', 'y[x=no] | x=yes', 'a _||_ b | c', 'a ⊥ b']
  expect(texts.filter(isCausalQuery)).toEqual(texts)
  expect(['lung | smoke=yes', 'lung', 'P(lung)', 'lung | do(smoke=no)', 'lung | xray=[0.8, 0.3]'].filter(isCausalQuery)).toEqual([])
})

test('independence', () => {
  expect(parseIndependence('a, "b c" _||_ d | e, f')).toEqual({ a: ['a', 'b c'], b: ['d'], given: ['e', 'f'] })
  expect(parseIndependence('a ⊥ b')).toEqual({ a: ['a'], b: ['b'], given: [] })
  expect(parseIndependence('P(a | do(b))')).toBeUndefined()
})

test.each([
  ['P(y | do(x)', 'needs ")" at its end'],
  ['P(y | )', 'needs a name before ")"'],
  ['y | x y', 'has "y" after its end'],
  ['y{x}', 'has "{" where it has no meaning'],
  ['y[x]', 'sets x without saying to what: y[x=…]'],
  ['', 'needs a name at its end'],
])('%s is refused', (text, message) => {
  expect(() => parseCausalQuery(text)).toThrow(message)
})

test('no text makes anything but an answer or an error', () => {
  const piece = fc.constantFrom('P(', 'do(', 'x', '=', ',', '|', ')', '[', ']', '"', '\\', ' ', '{', '__proto__')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
      try {
        parseCausalQuery(pieces.join(''))
      } catch (error) {
        expect(error).toHaveProperty('code', 'OPTION_INVALID')
      }
    }),
  )
})

import { expect, test } from 'vitest'
import { type DiscreteVariableDescription, HenceError } from '../../core/index.ts'
import { buildNetwork } from './network.ts'

const yesNo = ['yes', 'no']

function refusal(variables: readonly DiscreteVariableDescription[]): HenceError {
  try {
    buildNetwork({ name: 'test', variables })
  } catch (error) {
    if (error instanceof HenceError) return error
    throw error
  }
  return expect.unreachable('the network was accepted')
}

const coin = (name: string, parents: readonly string[] = []): DiscreteVariableDescription => ({
  name,
  states: yesNo,
  parents,
  table: Array.from({ length: 2 ** (parents.length + 1) }, () => 0.5),
})

test('children may come before their parents', () => {
  const { variables, order, children } = buildNetwork({ name: 'test', variables: [coin('c', ['b', 'a']), coin('b', ['a']), coin('a')] })
  expect(variables.map(({ name, parents }) => [name, parents])).toEqual([
    ['c', [1, 2]],
    ['b', [2]],
    ['a', []],
  ])
  expect(order).toEqual([2, 1, 0])
  expect(children).toEqual([[], [0], [0, 1]])
})

test('rows are divided by their sums and counted', () => {
  const { variables, rows } = buildNetwork({
    name: 'test',
    variables: [{ name: 'a', states: ['x', 'y', 'z'], table: [0.333, 0.333, 0.333] }, coin('b')],
  })
  expect([...variables[0]!.cpt]).toEqual([1 / 3, 1 / 3, 1 / 3])
  expect(rows).toEqual({ count: 2, normalized: 1, worstDeviation: expect.closeTo(0.001, 12) })
})

test('a cycle is printed', () => {
  const { code, message, details } = refusal([coin('root'), coin('a', ['root', 'c']), coin('b', ['a']), coin('c', ['b'])])
  expect({ code, message }).toEqual({ code: 'NETWORK_INVALID', message: 'the network has a cycle: a → b → c → a' })
  expect(details).toEqual({ cycle: ['a', 'b', 'c', 'a'] })
  expect(refusal([coin('a', ['a'])]).message).toBe('the network has a cycle: a → a')
})

test('tables of the wrong size and rows that do not sum to 1 are named', () => {
  expect(refusal([coin('a'), { name: 'b', states: yesNo, parents: ['a'], table: [0.5, 0.5] }]).message).toBe(
    'the table of b has 2 cells instead of 2 × 2 = 4',
  )
  expect(refusal([coin('a'), { name: 'b', states: yesNo, parents: ['a'], table: [0.5, 0.5, 0.5, 0.6] }]).message).toBe(
    'the row P(b | a=no) sums to 1.1 instead of 1',
  )
  expect(refusal([{ name: 'b', states: yesNo, table: [0, 0] }]).message).toBe('the row P(b) sums to 0 instead of 1')
  expect(refusal([{ name: 'b', states: yesNo, table: [1.5, -0.5] }]).message).toBe('the row P(b) has the entry -0.5')
  expect(refusal([{ name: 'b', states: yesNo, table: [Number.NaN, 1] }]).message).toBe('the row P(b) has the entry NaN')
})

test('names given twice or unknown are refused', () => {
  expect(refusal([coin('a'), coin('a')]).message).toBe('the variable a is defined twice')
  expect(refusal([coin('smoke'), coin('lung', ['smok'])]).message).toBe(
    'the parent "smok" of lung is no variable of the network; did you mean smoke?',
  )
  expect(refusal([coin('a'), coin('b', ['a', 'a'])]).message).toBe('b has the parent a twice')
  expect(refusal([{ name: 'a', states: ['x', 'x'], table: [0.5, 0.5] }]).message).toBe('the variable a has the state "x" twice')
  expect(refusal([{ name: 'a', states: [], table: [] }]).message).toBe('the variable a has no states')
})

test('unknown variables and states are answered with the nearest name', () => {
  const network = buildNetwork({ name: 'test', variables: [coin('smoke'), coin('lung')] })
  expect(network.indexOf('lung')).toBe(1)
  expect(network.stateOf(1, 'no')).toBe(1)
  expect(network.stateOf(1, 0)).toBe(0)
  expect(() => network.indexOf('lnug')).toThrow('the network has no variable "lnug"; did you mean "lung"?')
  expect(() => network.stateOf(1, 'yess')).toThrow('lung has no state "yess"; did you mean "yes"?')
  expect(() => network.stateOf(1, 'maximum')).toThrow('lung has no state "maximum"; it has yes, no')
  expect(() => network.stateOf(1, 2)).toThrow('lung has the states 0 to 1, not 2')
})

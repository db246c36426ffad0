import { expect, test } from 'vitest'
import { costOf } from './costs.ts'
import { type Buffer, type Program, ProgramBuilder, transposed } from './index.ts'

/** The costs of the only instruction of a program. */
function costs(build: (b: ProgramBuilder, input: (name: string, shape: readonly number[]) => Buffer) => void): ReturnType<typeof costOf> {
  const b = new ProgramBuilder('one')
  build(b, (name, shape) => b.input(name, 'f32', shape))
  const program: Program = b.build()
  expect(program.instructions).toHaveLength(1)
  return costOf(program, program.instructions[0]!)
}

test('a matrix product multiplies and adds, and reads its bias', () => {
  const cost = costs((b, input) =>
    b.op('matmul', 'y', [input('x', [3, 4]), undefined, undefined, b.weight({ tensor: 'w' }, [5, 4]), input('bias', [5])], {}),
  )
  expect(cost).toEqual({ operations: 2 * 3 * 4 * 5, bytes: 4 * (3 * 4 + 5 * 4 + 5 + 3 * 5) })
})

test('a product of bytes reads a byte of each number', () => {
  const cost = costs((b, input) =>
    b.op(
      'quantised_matmul',
      'y',
      [b.input('x', 'u8', [3, 4]), input('x scale', [1]), undefined, b.weight({ tensor: 'w' }, [5, 4]), input('scale', [5])],
      { weightType: 'i8' },
    ),
  )
  expect(cost).toEqual({ operations: 2 * 3 * 4 * 5, isOfBytes: true, bytes: 3 * 4 + 5 * 4 + 4 * (1 + 5 + 3 * 5) })
})

test('a convolution counts the taps of its groups', () => {
  const weight = [6, 3, 3, 2]
  const cost = costs((b, input) => b.op('conv', 'y', [input('x', [1, 8, 8, 4]), b.weight({ tensor: 'w' }, weight)], { groups: 2 }))
  expect(cost).toEqual({ operations: 2 * 6 * 6 * 6 * 18, bytes: 4 * (8 * 8 * 4 + 6 * 18 + 6 * 6 * 6) })
})

test('attention multiplies queries with keys and weights with values', () => {
  const cost = costs((b, input) =>
    b.op('dense_attention', 'y', [input('q', [2, 5, 12]), input('k', [2, 7, 6]), input('v', [2, 7, 6])], {
      heads: 4,
      kvHeads: 2,
      scale: 1,
    }),
  )
  expect(cost.operations).toBe(2 * 2 * 4 * 5 * 7 * (3 + 3))
})

test('a table is read where its indices point, a copy where its parts lie', () => {
  const gathered = costs((b, input) => b.op('gather', 'y', [input('t', [100, 8]), b.input('i', 'i32', [2])], {}))
  expect(gathered).toEqual({ bytes: 4 * (2 * 8 + 2 + 2 * 8) })
  const copied = costs((b, input) => b.op('copy', 'y', [input('x', [4, 6])], transposed([4, 6], [1, 0])))
  expect(copied).toEqual({ bytes: 4 * 48 })
})

test('an elementwise expression counts its functions', () => {
  const cost = costs((b, input) =>
    b.op('map', 'y', [input('x', [10])], { expression: ['add', ['mul', { input: 0 }, { constant: 2 }], { input: 0 }] }),
  )
  expect(cost).toEqual({ operations: 20, bytes: 80 })
})

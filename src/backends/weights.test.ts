import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { availableBackends } from '../../test/backends.ts'
import { type MemoryTensor, memoryWeights } from '../../test/memory-weights.ts'
import { ProgramBuilder, type WeightSource } from '../program/index.ts'
import { readWeightRows, resolveWeight } from './weights.ts'

/** A tensor whose numbers are their own index times `step`. */
function counted(shape: readonly number[], start = 0, type?: MemoryTensor['type']): MemoryTensor {
  const count = shape.reduce((product, size) => product * size, 1)
  return { shape, data: Float32Array.from({ length: count }, (_, i) => start + i), ...(type ? { type } : {}) }
}

async function read(
  source: WeightSource,
  shape: readonly number[],
  tensors: Readonly<Record<string, MemoryTensor>>,
  range?: readonly [number, number],
): Promise<number[]> {
  const buffer = new ProgramBuilder('test').weight(source, shape)
  const weight = resolveWeight(buffer, memoryWeights(tensors))
  const [begin, end] = range ?? [0, weight.n]
  return [...(await readWeightRows(weight, begin, end))]
}

describe('weights', () => {
  test('rows of a matrix and elements of a vector', async () => {
    expect(await read({ tensor: 'a', rows: [1, 3] }, [2, 2], { a: counted([4, 2]) })).toEqual([2, 3, 4, 5])
    expect(await read({ tensor: 'a', rows: [1, 3] }, [2], { a: counted([4]) })).toEqual([1, 2])
  })

  test('rows that alternate', async () => {
    const a = counted([8, 2])
    expect(await read({ tensor: 'a', rows: [1, 2], every: 2 }, [4, 2], { a })).toEqual([2, 3, 6, 7, 10, 11, 14, 15])
    expect(await read({ tensor: 'a', rows: [2, 4], every: 4 }, [4, 2], { a })).toEqual([4, 5, 6, 7, 12, 13, 14, 15])
    expect(await read({ tensor: 'a', rows: [2, 4], every: 4 }, [4, 2], { a }, [1, 3])).toEqual([6, 7, 12, 13])
    expect(await read({ tensor: 'a', rows: [0, 1], every: 3 }, [2], { a: counted([6]) })).toEqual([0, 3])
  })

  test('transposed matrices, each on its own', async () => {
    expect(await read({ tensor: 'a', transpose: true }, [3, 2], { a: counted([2, 3]) })).toEqual([0, 3, 1, 4, 2, 5])
    const two = await read({ tensor: 'a', transpose: true, rows: [1, 2], every: 2 }, [2, 1, 2], { a: counted([2, 2, 2]) })
    expect(two).toEqual([1, 3, 5, 7])
  })

  test('vectors stacked in one tensor', async () => {
    expect(await read({ tensor: 'a', hasVectors: true, rows: [1, 2], every: 2 }, [2, 2], { a: counted([2, 4]) })).toEqual([1, 3, 5, 7])
  })

  test('tensors stacked along a new axis', async () => {
    const tensors = { a: counted([2, 2]), b: counted([2, 2], 10) }
    expect(await read({ tensor: ['a', 'b'] }, [2, 2, 2], tensors)).toEqual([0, 1, 2, 3, 10, 11, 12, 13])
    expect(await read({ tensor: ['a', 'b'] }, [2, 2, 2], tensors, [1, 3])).toEqual([2, 3, 10, 11])
    expect(await read({ tensor: ['a', 'b'], rows: [1, 2] }, [2, 1, 2], tensors)).toEqual([2, 3, 12, 13])
  })

  test('a number added, and another shape', async () => {
    expect(await read({ tensor: 'a', add: 1 }, [3], { a: counted([3]) })).toEqual([1, 2, 3])
    expect(await read({ tensor: 'a', fileShape: [2, 2, 1] }, [2, 2], { a: counted([2, 2, 1]) })).toEqual([0, 1, 2, 3])
  })

  test.each<[string, WeightSource, number[], number[]]>([
    ['another width', { tensor: 'a' }, [4, 3], [4, 2]],
    ['rows beyond the end', { tensor: 'a', rows: [3, 5] }, [2, 2], [4, 2]],
    ['rows beyond their period', { tensor: 'a', rows: [3, 5], every: 4 }, [2, 2], [4, 2]],
    ['a height that is no multiple of the period', { tensor: 'a', rows: [0, 1], every: 3 }, [2, 2], [7, 2]],
    ['another shape than promised', { tensor: 'a', fileShape: [8] }, [4, 2], [4, 2]],
    ['too few axes', { tensor: ['a'] }, [4, 2], [4, 2]],
  ])('%s is refused', async (_, source, shape, stored) => {
    await expect(read(source, shape, { a: counted(stored) })).rejects.toThrow(expect.objectContaining({ code: 'TENSOR_MISMATCH' }))
  })

  test('every backend multiplies by the rows a source means', async () => {
    const source = fc.record({
      type: fc.constantFrom('f32' as const, 'f16' as const, 'q8_0' as const, 'q4_0' as const),
      count: fc.integer({ min: 1, max: 3 }),
      matrices: fc.integer({ min: 1, max: 2 }),
      periods: fc.integer({ min: 1, max: 4 }),
      taken: fc.integer({ min: 1, max: 5 }),
      before: fc.integer({ min: 0, max: 3 }),
      after: fc.integer({ min: 0, max: 3 }),
      transpose: fc.boolean(),
    })
    const backends = availableBackends().map(target => target.open())
    await fc.assert(
      fc.asyncProperty(source, async ({ type, count, matrices, periods, taken, before, after, transpose }) => {
        const [k, every] = [32, before + taken + after]
        const height = every * periods
        const stored = [matrices, ...(transpose ? [k, height * 32] : [height, k])]
        const rows = [before, before + taken] as const
        const perMatrix = taken * periods * (transpose ? 32 : 1)
        const names = Array.from({ length: count }, (_, i) => `w${i}`)
        const numbers = (i: number): Float32Array =>
          Float32Array.from({ length: stored.reduce((a, b) => a * b) }, (_, j) => Math.round(Math.sin(i + j * 1.3) * 7))
        const tensors = Object.fromEntries(names.map((name, i) => [name, { shape: stored, data: numbers(i), type }]))
        const builder = new ProgramBuilder('rows')
        const shape = [count * matrices * perMatrix, k]
        // Seen as one matrix, so that every backend can multiply by all of it.
        const weight = builder.weight({ tensor: names, rows, every, ...(transpose ? { transpose } : {}), fileShape: stored }, shape)
        const x = builder.input('x', 'f32', [1, k])
        builder.output('y', builder.op('matmul', 'y', [x, undefined, undefined, weight, undefined], {}))
        const program = builder.build()
        const wanted = await read({ tensor: names, rows, every, ...(transpose ? { transpose } : {}), fileShape: stored }, shape, tensors)
        const input = Float32Array.from({ length: k }, (_, i) => Math.cos(i))
        const products = Array.from({ length: shape[0]! }, (_, r) => input.reduce((sum, a, i) => sum + a * wanted[r * k + i]!, 0))
        for (const backend of backends) {
          const executable = await backend.compile(program, memoryWeights(tensors), { precision: 'exact', limits: {} })
          const execution = executable.createExecution()
          const { y } = await execution.run({ x: input }, {})
          for (const [r, product] of products.entries())
            expect((y!.data as Float32Array)[r], `${backend.name} row ${r}`).toBeCloseTo(product, 3)
          execution.dispose()
          executable.dispose()
        }
      }),
      { numRuns: 20 },
    )
    for (const backend of backends) backend.dispose()
  })
})

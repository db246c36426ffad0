import { afterAll, describe, expect, it } from 'vitest'
import type { MatmulAttributes } from '../../src/program/index.ts'
import { availableBackends } from '../backends.ts'
import { memoryWeights } from '../memory-weights.ts'
import { CaseBuilder } from './case.ts'

const [ROWS, K, N] = [40, 512, 64] as const

describe.each(availableBackends().filter(({ isNative }) => isNative))('$name', ({ open }) => {
  const backend = open()
  afterAll(() => backend.dispose())

  async function product(attributes: MatmulAttributes, precision: 'exact' | 'fast'): Promise<number[]> {
    const c = new CaseBuilder('matmul')
    const operands = [c.input('x', [ROWS, K]), undefined, undefined, c.weight('w', [N, K], 'q4_0', 0.05), undefined]
    c.builder.output('y', c.builder.op('matmul', 'y', operands, attributes))
    const { program, weights, steps, limits } = c.done()
    const executable = await backend.compile(program, memoryWeights(weights), { precision, limits })
    const execution = executable.createExecution()
    const { y } = await execution.run(steps[0]!.inputs, {})
    const numbers = Array.from(y!.data as Float32Array)
    execution.dispose()
    executable.dispose()
    return numbers
  }

  it('a product that may be fast is so in a program that is exact', async () => {
    const fast = await product({}, 'fast')
    expect(await product({ precision: 'fast' }, 'exact')).toEqual(fast)
    expect(await product({}, 'exact')).not.toEqual(fast)
  })

  it('a product that must be exact is so in a program that is fast', async () => {
    const exact = await product({}, 'exact')
    expect(await product({ precision: 'exact' }, 'fast')).toEqual(exact)
    expect(await product({}, 'fast')).not.toEqual(exact)
  })
})

import type { ReduceKind } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

const KINDS: readonly ReduceKind[] = ['sum', 'mean', 'max', 'min', 'sum_square', 'l1', 'l2', 'log_sum_exp']

const SHAPES = [
  { shape: [5], axes: [0] },
  { shape: [3, 1], axes: [1] },
  { shape: [7, 33], axes: [1] },
  { shape: [33, 7], axes: [0] },
  { shape: [2, 49, 130], axes: [1] },
  { shape: [2, 130, 7, 7], axes: [2, 3] },
  { shape: [4, 3, 5, 20], axes: [0, 2] },
  { shape: [4, 3, 5, 20], axes: [1, 3] },
  { shape: [9000], axes: [0] },
  { shape: [2000, 3], axes: [0] },
  { shape: [2, 3, 4], axes: [0, 1, 2] },
  { shape: [6, 70], axes: [] },
] as const

function reductions(): ContractCase[] {
  return SHAPES.flatMap(({ shape, axes }, at) =>
    [...KINDS, ...(at === 2 || at === 3 ? (['prod', 'log_sum'] as const) : [])].map(kind => {
      const c = new CaseBuilder(`reduce ${kind} of ${shape} over ${axes.length ? axes : 'none'}`)
      let x = c.input('x', shape)
      if (kind === 'log_sum') x = c.builder.op('map', 'positive', [x], { expression: ['abs', { input: 0 }] })
      const rise = kind === 'sum' || kind === 'mean' ? 1 : 0 // sums near zero would measure their cancellation
      const raised = rise ? c.builder.op('map', 'raised', [x], { expression: ['add', { input: 0 }, { constant: rise }] }) : x
      c.builder.output('y', c.builder.op('reduce', 'y', [raised], { kind, axes, keepAxes: at % 2 === 0 }))
      return c.done()
    }),
  )
}

export const reduceCases: readonly ContractCase[] = reductions()

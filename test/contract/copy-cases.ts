import type { DType } from '../../src/core/index.ts'
import { boundDim, type CopyAttributes, concatenated, denseStrides, expanded, padded, sliced, transposed } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

function of(name: string, shapes: readonly (readonly number[])[], attributes: CopyAttributes): ContractCase {
  const c = new CaseBuilder(`copy ${name}`)
  const operands = shapes.map((shape, i) => c.input(`x${i}`, shape))
  c.builder.output('y', c.builder.op('copy', 'y', operands, attributes))
  return c.done()
}

function transposes(): ContractCase[] {
  return (
    [
      [
        [5, 3],
        [1, 0],
      ],
      [
        [33, 65],
        [1, 0],
      ],
      [
        [130, 200],
        [1, 0],
      ],
      [
        [2, 3, 37, 41],
        [0, 2, 3, 1],
      ],
      [
        [2, 19, 23, 3],
        [0, 3, 1, 2],
      ],
      [
        [1, 64, 28, 28],
        [0, 2, 3, 1],
      ],
      [
        [2, 7, 12, 5],
        [0, 2, 1, 3],
      ],
      [
        [3, 12, 7, 9],
        [3, 1, 2, 0],
      ],
      [
        [2, 3, 4, 2, 3, 5],
        [4, 1, 5, 0, 2, 3],
      ],
      [
        [2, 9, 16, 8],
        [0, 2, 3, 1],
      ],
    ] as const
  ).map(([shape, order]) => of(`transpose ${shape} to ${order}`, [shape], transposed(shape, order)))
}

function ofType(dtype: DType): ContractCase {
  const c = new CaseBuilder(`copy of ${dtype}: transpose, pad, expand`)
  const count = 21 * 37
  const wide = dtype === 'i64' ? BigInt64Array.from({ length: count }, (_, i) => BigInt(i) * 10_000_000_007n) : undefined
  c.inputs['x'] =
    wide ?? (dtype === 'u8' ? Uint8Array.from({ length: count }, (_, i) => i) : Int16Array.from({ length: count }, (_, i) => i * 7))
  const x = c.builder.input('x', dtype, [21, 37])
  c.builder.output('turned', c.builder.op('copy', 'turned', [x], transposed([21, 37], [1, 0])))
  c.builder.output('padded', c.builder.op('copy', 'padded', [x], padded([21, 37], [1, 2], [3, 0], 5)))
  c.builder.output('expanded', c.builder.op('copy', 'expanded', [x], expanded([21, 37], [4, 21, 37])))
  return c.done()
}

/** A slice of symbolic length, moved to the middle of another axis. */
function symbolic(): ContractCase {
  const c = new CaseBuilder('copy with symbolic sizes')
  const tokens = boundDim('T')
  const x = c.builder.input('x', 'f32', [tokens, 4, 6])
  c.builder.output('y', c.builder.op('copy', 'y', [x], transposed([tokens, 4, 6], [1, 0, 2])))
  c.builder.output(
    'z',
    c.builder.op(
      'copy',
      'z',
      [x, x],
      concatenated(
        [
          [tokens, 4, 6],
          [tokens, 4, 6],
        ],
        1,
      ),
    ),
  )
  const strides = denseStrides([tokens, 4, 6])
  const flipped = { input: 0, shape: [tokens, 4, 6], inputStrides: [strides[0]!, -6, 1], inputOffset: 18, outputStrides: strides }
  c.builder.output('flipped', c.builder.op('copy', 'flipped', [x], { shape: [tokens, 4, 6], parts: [flipped] }))
  const steps = [5, 1, 8].map(count => ({ inputs: { x: c.numbers(count * 24) }, dims: { T: count } }))
  return { ...c.done({ T: 8 }), steps }
}

export const copyCases: readonly ContractCase[] = [
  ...transposes(),
  ...(['i64', 'u8', 'i16'] as const).map(ofType),
  symbolic(),
  of('slice with steps', [[9, 20, 7]], sliced([9, 20, 7], [8, 1, 5], [-2, 3, -1], [4, 6, 5])),
  of('slice of rows', [[9, 20, 48]], sliced([9, 20, 48], [1, 4, 16], [1, 1, 1], [7, 3, 32])),
  of('reverse', [[1000]], sliced([1000], [999], [-1], [1000])),
  of('of a scalar', [[]], transposed([], [])),
  of('expand columns', [[7, 1, 5]], expanded([7, 1, 5], [2, 7, 33, 5])),
  of('expand a column', [[40, 1]], expanded([40, 1], [40, 300])),
  of(
    'concat rows',
    [
      [3, 7],
      [5, 7],
    ],
    concatenated(
      [
        [3, 7],
        [5, 7],
      ],
      0,
    ),
  ),
  of(
    'concat channels',
    [
      [2, 30, 3],
      [2, 30, 64],
      [2, 30, 1],
    ],
    concatenated(
      [
        [2, 30, 3],
        [2, 30, 64],
        [2, 30, 1],
      ],
      2,
    ),
  ),
  of('pad an image', [[2, 5, 6, 3]], padded([2, 5, 6, 3], [0, 1, 2, 0], [0, 2, 1, 0], -1.5)),
  of('pad and cut', [[8, 9]], padded([8, 9], [-2, 3], [1, -4])),
]

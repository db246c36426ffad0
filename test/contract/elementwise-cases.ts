import type { MapExpression } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

const ROWS_AND_WIDTHS = [
  [1, 1],
  [1, 2048],
  [3, 7],
  [2, 100],
  [17, 257],
] as const

function norms(): ContractCase[] {
  return ROWS_AND_WIDTHS.flatMap(([rows, width]) =>
    (['rms', 'layer'] as const).map(kind => {
      const c = new CaseBuilder(`norm ${kind} ${rows}x${width}`, width)
      const bias = kind === 'layer' ? c.weight('b', [width]) : undefined
      c.builder.output(
        'y',
        c.builder.op('norm', 'y', [c.input('x', [rows, width], 3), c.weight('w', [width]), bias], { kind, epsilon: 1e-5 }),
      )
      return c.done()
    }),
  )
}

function ropes(): ContractCase[] {
  return [
    { heads: 1, headDim: 2, turned: 2, style: 'half' },
    { heads: 3, headDim: 64, turned: 64, style: 'half' },
    { heads: 4, headDim: 16, turned: 16, style: 'interleaved' },
    { heads: 2, headDim: 80, turned: 32, style: 'half' },
    { heads: 2, headDim: 128, turned: 128, style: 'interleaved' },
  ].map(({ heads, headDim, turned, style }) => {
    const c = new CaseBuilder(`rope ${style} ${heads}x${headDim} turning ${turned}`, headDim)
    const positions = [0, 1, 5, 4095, 100_000]
    const frequencies = Float32Array.from({ length: turned / 2 }, (_, i) => 10_000 ** ((-2 * i) / turned))
    const table = c.builder.op(
      'rotary_table',
      'table',
      [c.indices('positions', positions), c.builder.constant('frequencies', { dtype: 'f32', shape: [turned / 2] }, frequencies)],
      { scale: 1.25 },
    )
    const x = c.input('x', [positions.length, heads * headDim])
    c.builder.output('y', c.builder.op('rope', 'y', [x, table], { headDim, style: style as 'half' | 'interleaved' }))
    return c.done()
  })
}

function gathers(): ContractCase[] {
  const tables = (['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_k', 'q6_k', 'q5_1', 'iq4_xs', 'mxfp4'] as const).map(type => {
    const c = new CaseBuilder(`gather rows of a ${type} weight`)
    c.builder.output('y', c.builder.op('gather', 'y', [c.weight('table', [37, 256], type), c.indices('ids', [0, 36, 5, 5, 17, 16])], {}))
    return c.done()
  })
  const c = new CaseBuilder('gather rows of a computed table')
  c.builder.output('y', c.builder.op('gather', 'y', [c.input('x', [9, 5]), c.indices('ids', [8, 0, 3])], {}))
  return [...tables, c.done()]
}

const EXPRESSIONS: Readonly<Record<string, MapExpression>> = {
  'silu(a)·b': ['mul', ['silu', { input: 0 }], { input: 1 }],
  'gelu(a + row)': ['gelu', ['add', { input: 0 }, { input: 2 }]],
  'tanh(a/3)·3': ['mul', ['tanh', ['div', { input: 0 }, { constant: 3 }]], { constant: 3 }],
  'a·scalar − |b|': ['sub', ['mul', { input: 0 }, { input: 3 }], ['abs', { input: 1 }]],
  'max(exp(−a), sqrt(|b|))': ['max', ['exp', ['neg', { input: 0 }]], ['sqrt', ['abs', { input: 1 }]]],
  'erf(a)': ['erf', { input: 0 }],
  'sigmoid(a) + log(1 + |b|)': ['add', ['sigmoid', { input: 0 }], ['log', ['add', { constant: 1 }, ['abs', { input: 1 }]]]],
  '|a|^1.5': ['pow', ['abs', { input: 0 }], { constant: 1.5 }],
  'relu(min(a, b))': ['relu', ['min', { input: 0 }, { input: 1 }]],
  'gelu_tanh(a)': ['gelu_tanh', { input: 0 }],
  'where(a < b, row, -a)': ['where', ['less', { input: 0 }, { input: 1 }], { input: 2 }, ['neg', { input: 0 }]],
  'hard swish': [
    'mul',
    { input: 0 },
    ['max', { constant: 0 }, ['min', { constant: 1 }, ['add', ['div', { input: 0 }, { constant: 6 }], { constant: 0.5 }]]],
  ],
  rounding: ['add', ['round', ['mul', { input: 0 }, { constant: 4 }]], ['sub', ['floor', { input: 1 }], ['ceil', { input: 2 }]]],
  comparisons: [
    'add',
    ['greater', { input: 0 }, { input: 1 }],
    [
      'add',
      ['mul', { constant: 2 }, ['greater_equal', ['round', { input: 0 }], ['round', { input: 1 }]]],
      ['equal', ['sign', { input: 0 }], ['sign', { input: 1 }]],
    ],
  ],
  'sin(3a)·cos(5b) + less_equal': [
    'add',
    ['mul', ['sin', ['mul', { constant: 3 }, { input: 0 }]], ['cos', ['mul', { input: 1 }, { constant: 5 }]]],
    ['less_equal', { input: 2 }, { input: 3 }],
  ],
  'softplus, expm1, reciprocal, fmod': [
    'add',
    ['fmod', ['softplus', { input: 0 }], { constant: 0.75 }],
    ['mul', ['expm1', { input: 1 }], ['reciprocal', ['add', { constant: 2 }, ['abs', { input: 2 }]]]],
  ],
}

function maps(): ContractCase[] {
  return Object.entries(EXPRESSIONS).flatMap(([name, expression]) =>
    [
      [1, 1],
      [3, 333],
      [17, 257],
    ].map(([rows, width]) => {
      const c = new CaseBuilder(`map ${name} ${rows}x${width}`)
      const inputs = [c.input('a', [rows!, width!], 2), c.input('b', [rows!, width!], 2), c.input('row', [width!]), c.input('scalar', [])]
      c.builder.output('y', c.builder.op('map', 'y', inputs, { expression }))
      return c.done()
    }),
  )
}

function broadcasts(): ContractCase[] {
  const shapes = [
    [
      [2, 3, 4],
      [1, 3, 1],
    ],
    [
      [5, 1],
      [1, 7],
    ],
    [
      [2, 5, 6, 24],
      [2, 1, 1, 24],
    ],
    [
      [2, 5, 6, 24],
      [2, 5, 6, 1],
    ],
    [
      [1, 300],
      [9, 1],
    ],
    [
      [3, 1, 70],
      [4, 1],
    ],
    [
      [4, 500],
      [4, 1],
    ],
    [
      [2, 1, 3, 1, 2],
      [1, 4, 1, 5, 1],
    ],
    [[], [6, 5]],
  ] as const
  return shapes.map(([a, b]) => {
    const c = new CaseBuilder(`map of ${JSON.stringify(a)} and ${JSON.stringify(b)}`)
    const inputs = [c.input('a', a), c.input('b', b)]
    c.builder.output('y', c.builder.op('map', 'y', inputs, { expression: ['sub', ['mul', { input: 0 }, { constant: 2 }], { input: 1 }] }))
    return c.done()
  })
}

/** Masks, casts and integers beside f32. */
function typedMaps(): ContractCase[] {
  return [[3], [7, 40], [300]].map(shape => {
    const c = new CaseBuilder(`map of several types, ${shape}`)
    const count = shape.reduce((a, b) => a * b)
    const x = c.input('x', shape, 20)
    c.inputs['mask'] = Uint8Array.from({ length: count }, (_, i) => Number(i % 3 === 0))
    c.inputs['wide'] = BigInt64Array.from({ length: count }, (_, i) => BigInt(i) * 1000n - 5000n)
    const mask = c.builder.input('mask', 'bool', shape)
    const wide = c.builder.input('wide', 'i64', shape)
    const chosen: MapExpression = ['where', { input: 0 }, { input: 1 }, { input: 2 }]
    for (const dtype of ['f32', 'i32', 'i64'] as const)
      c.builder.output(dtype, c.builder.op('map', dtype, [mask, x, wide], { expression: chosen, dtype }))
    c.builder.output('bool', c.builder.op('map', 'bool', [x, wide], { expression: ['less', { input: 0 }, { input: 1 }], dtype: 'bool' }))
    return c.done()
  })
}

/** Numbers to bytes as graphs write it, and back. */
function bytes(): ContractCase[] {
  return ([[3], [7, 40], [3, 300]] as const).flatMap(shape =>
    (['u8', 'i8'] as const).map(dtype => {
      const c = new CaseBuilder(`map to ${dtype} and back, ${shape}`)
      const [low, high] = dtype === 'u8' ? [0, 255] : [-128, 127]
      const inputs = [c.input('x', shape, 3), c.input('scale', [], 0.01), c.input('zero', [], 20)]
      const steps: MapExpression = ['round', ['div', { input: 0 }, ['add', ['abs', { input: 1 }], { constant: 0.02 }]]]
      const shifted: MapExpression = ['add', steps, ['round', { input: 2 }]]
      const expression: MapExpression = ['min', ['max', shifted, { constant: low }], { constant: high }]
      const y = c.builder.op('map', 'y', inputs, { expression, dtype })
      c.builder.output('y', y)
      c.builder.output('back', c.builder.op('map', 'back', [y], { expression: ['mul', { input: 0 }, { constant: 0.5 }] }))
      return c.done()
    }),
  )
}

function rowwise(): ContractCase[] {
  return ROWS_AND_WIDTHS.map(([rows, width]) => {
    const c = new CaseBuilder(`softmax and argmax ${rows}x${width}`, width)
    const x = c.input('x', [rows, width], 4)
    c.builder.output('softmax', c.builder.op('softmax', 'softmax', [x], {}))
    c.builder.output('argmax', c.builder.op('argmax', 'argmax', [x], {}))
    return c.done()
  })
}

export const elementwiseCases: readonly ContractCase[] = [
  ...norms(),
  ...ropes(),
  ...gathers(),
  ...maps(),
  ...broadcasts(),
  ...typedMaps(),
  ...bytes(),
  ...rowwise(),
]

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

function rowwise(): ContractCase[] {
  return ROWS_AND_WIDTHS.map(([rows, width]) => {
    const c = new CaseBuilder(`softmax and argmax ${rows}x${width}`, width)
    const x = c.input('x', [rows, width], 4)
    c.builder.output('softmax', c.builder.op('softmax', 'softmax', [x], {}))
    c.builder.output('argmax', c.builder.op('argmax', 'argmax', [x], {}))
    return c.done()
  })
}

export const elementwiseCases: readonly ContractCase[] = [...norms(), ...ropes(), ...gathers(), ...maps(), ...rowwise()]

import { expect, test } from 'vitest'
import { modelOf } from '../../test/graph-models.ts'
import { importOnnx } from './import-onnx.ts'
import { operatorNames } from './operators/index.ts'
import { OPERATOR_NAMES } from './operators/names.ts'

const refusal = (...parameters: Parameters<typeof modelOf>): unknown => {
  try {
    importOnnx(modelOf(...parameters))
    return undefined
  } catch (error) {
    return error
  }
}

test('the list of operator names is that of the definitions', () => {
  for (const [domain, names] of Object.entries(OPERATOR_NAMES))
    expect([...names].sort()).toEqual([...new Set(operatorNames(domain))].sort())
})

test('nodes in any order are sorted', () => {
  const graph = importOnnx(
    modelOf(
      [
        { op: 'Exp', inputs: ['a'], outputs: ['y'] },
        { op: 'Neg', inputs: ['x'], outputs: ['a'] },
      ],
      { inputs: { x: 'f32' }, outputs: ['y'] },
    ),
  )
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Neg', 'Exp'])
})

test('cycles, missing values and values made twice are refused', () => {
  const one = { inputs: { x: 'f32' as const }, outputs: ['y'] }
  const cycle = [
    { op: 'Add', inputs: ['x', 'b'], outputs: ['a'] },
    { op: 'Neg', inputs: ['a'], outputs: ['b'] },
    { op: 'Neg', inputs: ['b'], outputs: ['y'] },
  ]
  expect(refusal(cycle, one)).toMatchObject({ code: 'GRAPH_INVALID', message: expect.stringContaining('depend on its own outputs') })
  expect(refusal([{ op: 'Neg', inputs: ['nowhere'], outputs: ['y'] }], one)).toMatchObject({ code: 'GRAPH_INVALID' })
  expect(refusal([{ op: 'Neg', inputs: ['x'], outputs: ['z'] }], one)).toMatchObject({ code: 'GRAPH_INVALID', details: { output: 'y' } })
  const twice = [
    { op: 'Neg', inputs: ['x'], outputs: ['y'] },
    { op: 'Abs', inputs: ['x'], outputs: ['y'] },
  ]
  expect(refusal(twice, one)).toMatchObject({ code: 'GRAPH_INVALID', details: { value: 'y' } })
})

test('every missing operator is named with its count', () => {
  const nodes = [
    { op: 'Telepathy', inputs: ['x'], outputs: ['a'] },
    { op: 'Telepathy', inputs: ['a'], outputs: ['b'] },
    { op: 'Levitate', domain: 'com.example', inputs: ['b'], outputs: ['y'] },
  ]
  expect(refusal(nodes, { inputs: { x: 'f32' }, outputs: ['y'] })).toMatchObject({
    code: 'OPERATOR_UNSUPPORTED',
    details: { missing: { 'ai.onnx.Telepathy': 2, 'com.example.Levitate': 1 } },
  })
})

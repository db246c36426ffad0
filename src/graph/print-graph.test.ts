import { expect, test } from 'vitest'
import { modelOf, waves } from '../../test/graph-models.ts'
import { tensor } from '../core/index.ts'
import type { OnnxModel } from '../formats/index.ts'
import { importOnnx } from './import-onnx.ts'
import { optimize } from './optimize.ts'
import { printGraph } from './print-graph.ts'

test('a graph is printed as rules leave it, a node a line', async () => {
  const model: OnnxModel = modelOf(
    [
      {
        op: 'Conv',
        inputs: ['x', 'w'],
        outputs: ['a'],
        attributes: { pads: { type: 'ints', value: [1, 1, 1, 1] }, auto_pad: { type: 'string', value: 'NOTSET' } },
      },
      { op: 'Relu', inputs: ['a'], outputs: ['b'] },
      { op: 'Clip', inputs: ['b', '', 'most'], outputs: ['c'] },
      { op: 'Split', inputs: ['c'], outputs: ['y', ''], attributes: { num_outputs: { type: 'int', value: 2 } } },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([4, 3, 3, 3]), most: tensor('f32', [], Float32Array.of(6)) } },
  )
  expect(printGraph(importOnnx(model))).toBe(
    [
      'graph test',
      '  input x f32[?]',
      '  a = Conv(x, w:f32[4, 3, 3, 3]) { pads: [1, 1, 1, 1], auto_pad: "NOTSET" } "node0"',
      '  b = Relu(a) "node1"',
      '  c = Clip(b, -, most:f32[]) "node2"',
      '  y, - = Split(c) { num_outputs: 2 } "node3"',
      '  output y',
      '',
    ].join('\n'),
  )
  expect(printGraph(await optimize(importOnnx(model)))).toContain('b = hence.Conv(x, w:f32[4, 3, 3, 3])')
})

test('long lists and bodies are shortened', () => {
  const body = { ...modelOf([{ op: 'Neg', inputs: ['x'], outputs: ['z'] }], { inputs: {}, outputs: ['z'] }).graph, name: 'then' }
  const model = modelOf(
    [
      { op: 'Constant', inputs: [], outputs: ['c'], attributes: { value_ints: { type: 'ints', value: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } } },
      {
        op: 'If',
        inputs: ['x'],
        outputs: ['y'],
        attributes: { then_branch: { type: 'graph', value: body }, else_branch: { type: 'graph', value: body } },
      },
    ],
    { inputs: { x: 'bool' }, outputs: ['y'] },
  )
  const text = printGraph(importOnnx(model))
  expect(text).toContain('{ value_ints: [1, 2, 3, 4, 5, 6, 7, 8, … 2 more] }')
  expect(text).toContain('{ then_branch: a graph of 1 node, else_branch: a graph of 1 node }')
})

import { describe, expect, test } from 'vitest'
import {
  addModel,
  attributeProto,
  graphProto,
  modelProto,
  nodeProto,
  tensorProto,
  tensorType,
  valueInfo,
} from '../../../test/onnx-writer.ts'
import { bytes, float, int } from '../../../test/protobuf-writer.ts'
import { decodeOnnx } from './decode-onnx.ts'
import type { OnnxAttribute, OnnxType } from './model.ts'

const WEIGHT = tensorProto({ name: 'w', code: 1, shape: [2], data: Float32Array.of(1, 2) })
const BODY = graphProto({ name: 'body', nodes: [nodeProto({ op: 'Identity', inputs: ['w'], outputs: ['z'] })], outputs: [valueInfo('z')] })

/** What a model's one node has for an attribute. */
function attributeOf(attribute: Uint8Array): OnnxAttribute | undefined {
  const graph = graphProto({ nodes: [nodeProto({ op: 'Op', attributes: [attribute] })] })
  return decodeOnnx(modelProto({ graph })).graph.nodes[0]!.attributes['a']
}

function typeOf(type: Uint8Array): OnnxType | undefined {
  return decodeOnnx(modelProto({ graph: graphProto({ inputs: [valueInfo('x', type)] }) })).graph.inputs[0]!.type
}

describe('a model', () => {
  test('with everything a graph has', () => {
    const model = decodeOnnx(
      modelProto({
        irVersion: 8,
        graph: graphProto({
          name: 'main',
          nodes: [
            nodeProto({ op: 'Add', inputs: ['x', 'w', ''], outputs: ['y'], name: 'n', attributes: [attributeProto('axis', -1n)] }),
            nodeProto({ op: 'Gelu', inputs: ['y'], outputs: ['z'], domain: 'com.microsoft' }),
            nodeProto({ op: 'Relu', inputs: ['z'], outputs: ['out'], domain: 'ai.onnx' }),
          ],
          initializers: [WEIGHT],
          inputs: [valueInfo('x', tensorType(1, ['batch', 2, undefined])), valueInfo('w', tensorType(1, [2]))],
          outputs: [valueInfo('out', tensorType(1))],
          values: [valueInfo('y')],
        }),
        opsets: { 'ai.onnx': 17, 'com.microsoft': 1 },
        metadata: { author: 'me' },
      }),
    )
    expect(model).toEqual({
      irVersion: 8,
      producer: 'hence-test',
      opsets: new Map([
        ['', 17],
        ['com.microsoft', 1],
      ]),
      metadata: new Map([['author', 'me']]),
      functions: [],
      files: [],
      graph: {
        name: 'main',
        nodes: [
          { name: 'n', domain: '', op: 'Add', inputs: ['x', 'w', ''], outputs: ['y'], attributes: { axis: { type: 'int', value: -1 } } },
          { name: '', domain: 'com.microsoft', op: 'Gelu', inputs: ['y'], outputs: ['z'], attributes: {} },
          { name: '', domain: '', op: 'Relu', inputs: ['z'], outputs: ['out'], attributes: {} },
        ],
        inputs: [{ name: 'x', type: { kind: 'tensor', dtype: 'f32', shape: ['batch', 2, undefined] } }],
        defaults: [{ name: 'w', type: { kind: 'tensor', dtype: 'f32', shape: [2] } }],
        outputs: [{ name: 'out', type: { kind: 'tensor', dtype: 'f32', shape: undefined } }],
        values: [{ name: 'y', type: undefined }],
        initializers: new Map([['w', { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) }]]),
      },
    })
  })

  test('training is ignored, and so is what later versions of the format add', () => {
    const extra = [bytes(20, [bytes(1, BODY)]), bytes(26, [bytes(1, 'device')]), int(500, 1)]
    const { graph } = decodeOnnx(Buffer.concat([addModel([2]), ...extra]))
    expect(graph.nodes).toHaveLength(1)
  })

  test('the oldest files import no operator set', () => {
    const model = decodeOnnx(modelProto({ irVersion: 2, graph: graphProto({}), opsets: {} }))
    expect(model.opsets).toEqual(new Map([['', 1]]))
  })

  test('functions', () => {
    const f = Buffer.concat([
      bytes(1, 'Scale'),
      bytes(10, 'local'),
      bytes(13, 'v2'),
      bytes(4, 'x'),
      bytes(5, 'y'),
      bytes(6, 'factor'),
      bytes(11, attributeProto('bias', 0.5)),
      bytes(
        7,
        nodeProto({
          op: 'Mul',
          inputs: ['x'],
          outputs: ['y'],
          attributes: [Buffer.concat([bytes(1, 'a'), bytes(21, 'factor'), int(20, 1)])],
        }),
      ),
      bytes(9, [bytes(1, ''), int(2, 18)]),
    ])
    const node = Buffer.concat([nodeProto({ op: 'Scale', domain: 'local' }), bytes(8, 'v2')])
    const model = decodeOnnx(modelProto({ graph: graphProto({ nodes: [node] }), functions: [f] }))
    expect(model.graph.nodes[0]).toMatchObject({ op: 'Scale', overload: 'v2' })
    expect(model.functions).toEqual([
      {
        name: 'Scale',
        domain: 'local',
        overload: 'v2',
        inputs: ['x'],
        outputs: ['y'],
        attributes: ['factor'],
        defaults: { bias: { type: 'float', value: 0.5 } },
        nodes: [
          { name: '', domain: '', op: 'Mul', inputs: ['x'], outputs: ['y'], attributes: { a: { type: 'reference', value: 'factor' } } },
        ],
        opsets: new Map([['', 18]]),
      },
    ])
  })
})

describe('attributes', () => {
  const name = bytes(1, 'a')
  const tensor = { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) }
  const sparse = [bytes(1, WEIGHT), bytes(2, tensorProto({ name: 'i', code: 7, shape: [2], data: BigInt64Array.of(0n, 2n) })), int(3, 3)]
  const sparseValue = { values: tensor, indices: { dtype: 'i64', shape: [2], data: BigInt64Array.of(0n, 2n) }, shape: [3] }
  const anyType = { kind: 'tensor', dtype: 'i64', shape: undefined }

  test.each([
    ['float', float(2, 1.5), 1, 1.5],
    ['int', int(3, -7), 2, -7],
    ['string', bytes(4, 'mode'), 3, 'mode'],
    ['tensor', bytes(5, WEIGHT), 4, tensor],
    ['graph', bytes(6, BODY), 5, expect.objectContaining({ name: 'body', outputs: [{ name: 'z', type: undefined }] })],
    ['floats', Buffer.concat([float(7, 1), float(7, 2)]), 6, [1, 2]],
    ['ints', Buffer.concat([int(8, 1), int(8, -2)]), 7, [1, -2]],
    ['strings', Buffer.concat([bytes(9, 'a'), bytes(9, '')]), 8, ['a', '']],
    ['tensors', bytes(10, WEIGHT), 9, [tensor]],
    ['graphs', bytes(11, BODY), 10, [expect.objectContaining({ name: 'body' })]],
    ['sparse-tensor', bytes(22, sparse), 11, sparseValue],
    ['sparse-tensors', bytes(23, sparse), 12, [sparseValue]],
    ['value-type', bytes(14, tensorType(7)), 13, anyType],
    ['value-types', bytes(15, tensorType(7)), 14, [anyType]],
  ])('%s', (type, field, code, value) => {
    expect(attributeOf(Buffer.concat([name, field, int(20, code)]))).toEqual({ type, value })
    // The first version of the format did not state the type; lists of what it did not have stay unknown.
    if (!['sparse-tensors', 'value-types'].includes(type)) expect(attributeOf(Buffer.concat([name, field]))).toEqual({ type, value })
  })

  test('what is left out is zero or empty; without a type it is nothing', () => {
    expect(attributeOf(Buffer.concat([name, int(20, 1)]))).toEqual({ type: 'float', value: 0 })
    expect(attributeOf(Buffer.concat([name, int(20, 2)]))).toEqual({ type: 'int', value: 0 })
    expect(attributeOf(Buffer.concat([name, int(20, 3)]))).toEqual({ type: 'string', value: '' })
    expect(attributeOf(Buffer.concat([name, int(20, 7)]))).toEqual({ type: 'ints', value: [] })
    expect(attributeOf(name)).toBeUndefined()
  })

  test('the end of an axis', () => {
    expect(attributeOf(Buffer.concat([name, int(3, 2n ** 63n - 1n), int(20, 2)]))).toEqual({ type: 'int', value: 2 ** 63 })
  })

  test('an object has no attributes of its own', () => {
    const graph = graphProto({ nodes: [nodeProto({ op: 'Op', attributes: [attributeProto('__proto__', 1n)] })] })
    const { attributes } = decodeOnnx(modelProto({ graph })).graph.nodes[0]!
    expect('toString' in attributes).toBe(false)
    expect(Object.entries(attributes)).toEqual([['__proto__', { type: 'int', value: 1 }]])
  })
})

describe('types', () => {
  const inner = bytes(1, tensorType(1))
  const element = { kind: 'tensor', dtype: 'f32', shape: undefined }

  test.each([
    ['a tensor of unknown type', bytes(1, []), { kind: 'tensor', dtype: undefined, shape: undefined }],
    ['a scalar', tensorType(9, []), { kind: 'tensor', dtype: 'bool', shape: [] }],
    ['a type Hence cannot read', tensorType(27), { kind: 'tensor', dtype: undefined, shape: undefined }],
    ['sizes that say nothing', tensorType(1, [-1, '', 0]), { kind: 'tensor', dtype: 'f32', shape: [undefined, undefined, 0] }],
    ['a sparse tensor', bytes(8, [int(1, 1)]), { kind: 'sparse-tensor', dtype: 'f32', shape: undefined }],
    ['a sequence', bytes(4, inner), { kind: 'sequence', element }],
    ['an optional sequence', bytes(9, [bytes(1, bytes(4, inner))]), { kind: 'optional', element: { kind: 'sequence', element } }],
    ['a map', bytes(5, [int(1, 8), bytes(2, tensorType(1))]), { kind: 'map', key: 'string', value: element }],
  ])('%s', (_, type, expected) => {
    expect(typeOf(type)).toEqual(expected)
  })
})

describe('sparse initializers', () => {
  const values = (count: number): Uint8Array =>
    tensorProto({ name: 's', code: 1, shape: [count], data: Float32Array.from({ length: count }, (_, i) => i + 1) })
  const indices = (shape: readonly number[], list: readonly bigint[]): Uint8Array =>
    tensorProto({ name: '', code: 7, shape, data: BigInt64Array.from(list) })
  const model = (count: number, index: Uint8Array, shape: readonly number[]): Uint8Array =>
    modelProto({
      graph: graphProto({
        sparseInitializers: [Buffer.concat([bytes(1, values(count)), bytes(2, index), ...shape.map(size => int(3, size))])],
      }),
    })

  test.each([
    ['flat', indices([2], [1n, 5n])],
    ['by axis', indices([2, 2], [0n, 1n, 1n, 2n])],
  ])('%s indices', (_, index) => {
    const { initializers } = decodeOnnx(model(2, index, [2, 3])).graph
    expect(initializers.get('s')).toEqual({ dtype: 'f32', shape: [2, 3], data: Float32Array.of(0, 1, 0, 0, 0, 2) })
  })

  test.each([
    ['an index outside', model(1, indices([1], [6n]), [2, 3]), 'FILE_MALFORMED', 'index 6 is outside an axis of size 6'],
    ['an index outside its axis', model(1, indices([1, 2], [0n, 3n]), [2, 3]), 'FILE_MALFORMED', 'index 3 is outside an axis of size 3'],
    ['fewer indices than values', model(2, indices([1], [0n]), [2, 3]), 'FILE_MALFORMED', 'its indices have shape [1]'],
    ['an absurd size', model(1, indices([1], [0n]), [2 ** 20, 2 ** 20]), 'FILE_LIMIT', 'dense, it has 1099511627776 elements'],
  ])('%s is refused', (_, content, code, message) => {
    expect(() => decodeOnnx(content)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  })
})

describe('refusals', () => {
  const duplicate = graphProto({ initializers: [WEIGHT, WEIGHT] })
  const twice = graphProto({ nodes: [nodeProto({ op: 'Op', attributes: [attributeProto('a', 1n), attributeProto('a', 2n)] })] })

  test.each([
    ['nothing', new Uint8Array(0), 'FILE_MALFORMED', '0 is not a version of the format'],
    ['no graph', Buffer.concat([int(1, 8), bytes(8, [int(2, 13)])]), 'FILE_MALFORMED', 'there is no graph'],
    ['two graphs', Buffer.concat([addModel([1]), bytes(7, BODY)]), 'FILE_MALFORMED', 'there are two graphs'],
    ['no operator set', modelProto({ graph: BODY, opsets: {} }), 'FILE_MALFORMED', 'no operator set is imported'],
    ['version 0 of one', modelProto({ graph: BODY, opsets: { '': 0 } }), 'FILE_MALFORMED', 'version 0 of the operator set "ai.onnx"'],
    ['two versions of one', modelProto({ graph: BODY, opsets: { '': 7, 'ai.onnx': 8 } }), 'FILE_MALFORMED', 'as version 7 and 8'],
    ['an initializer twice', modelProto({ graph: duplicate }), 'FILE_MALFORMED', 'the initializer "w" appears twice'],
    ['an attribute twice', modelProto({ graph: twice }), 'FILE_MALFORMED', 'the attribute "a" appears twice'],
    ['a node without operator', modelProto({ graph: graphProto({ nodes: [bytes(1, 'x')] }) }), 'FILE_MALFORMED', 'has no operator'],
    ['a graph cut short', addModel([4]).subarray(0, 60), 'FILE_TRUNCATED', 'end beyond the file (60 bytes)'],
  ])('%s', (_, content, code, message) => {
    expect(() => decodeOnnx(content)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  })

  test('bodies within bodies without end', () => {
    let body = BODY
    for (let i = 0; i < 40; i++) {
      const attribute = Buffer.concat([bytes(1, 'body'), bytes(6, body), int(20, 5)])
      body = graphProto({ nodes: [nodeProto({ op: 'If', attributes: [attribute] })] })
    }
    expect(() => decodeOnnx(modelProto({ graph: body }))).toThrow(expect.objectContaining({ code: 'FILE_LIMIT' }))
  })
})

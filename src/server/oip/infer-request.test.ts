import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, type ElementType, HenceError, type Tensor, type TensorModelDescription } from '../../core/index.ts'
import { datatypeOf, type WireType } from './datatypes.ts'
import { readInferRequest } from './infer-request.ts'
import { inferReply } from './infer-response.ts'

const TYPES: readonly WireType[] = ['bool', 'u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64', 'f16', 'bf16', 'f32', 'f64', 'string']

function modelWith(names: readonly string[]): TensorModelDescription {
  const values = names.map(name => ({ name, kind: 'tensor' }))
  return { kind: 'tensor', inputs: values, outputs: values, optionalInputs: [] } as unknown as TensorModelDescription
}

/** Any finite tensor, made from random bits. */
const tensors: fc.Arbitrary<Tensor<ElementType>> = fc
  .record({
    dtype: fc.constantFrom(...TYPES),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.infiniteStream(fc.nat(255)),
  })
  .map(({ dtype, shape, seed }) => {
    const count = shape.reduce((product, size) => product * size, 1)
    const data = allocate(dtype, count)
    const next = (): number => seed.next().value as number
    if (Array.isArray(data)) for (let i = 0; i < count; i++) data[i] = String.fromCodePoint(next() * 17 + 1).repeat(next() % 4)
    else {
      const bytes = new Uint8Array(data.buffer)
      for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === 'bool' ? next() % 2 : next()
      // NaN and infinities have no JSON.
      if (dtype === 'f32' || dtype === 'f64')
        for (const [i, value] of (data as Float32Array).entries()) data[i] = Number.isFinite(value) ? value : 0
      const exponent = dtype === 'f16' ? 0x7c00 : dtype === 'bf16' ? 0x7f80 : 0
      if (exponent > 0) for (const [i, bits] of (data as Uint16Array).entries()) data[i] = (bits & exponent) === exponent ? 0 : bits
    }
    return { dtype, shape, data } as Tensor<ElementType>
  })

test('what an answer says is read back exactly, as JSON and as bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(tensors, fc.boolean()), { minLength: 1, maxLength: 4 }), list => {
      const names = list.map((_, i) => `t${i}`)
      const values = Object.fromEntries(list.map(([value], i) => [`t${i}`, value]))
      const request = { id: 'x', inputs: {}, outputs: list.map(([, isBinary], i) => ({ name: `t${i}`, isBinary })) }
      const { body, headers } = inferReply({ model_name: 'm', model_version: '1' }, request, values, {})
      const length = headers['inference-header-content-length']
      const bytes = Buffer.from(body as string)
      const json = length === undefined ? bytes : bytes.subarray(0, Number(length))
      const document = { ...JSON.parse(json.toString().replace(/(?<=[[,])-?\d{16,}(?=[,\]])/g, '"$&"')), outputs: undefined }
      expect(document).toMatchObject({ model_name: 'm', id: 'x' })
      // An answer's outputs are a request's inputs.
      const renamed = Buffer.from(json.toString().replace(',"outputs":[', ',"inputs":['))
      const asked = Buffer.concat([renamed, bytes.subarray(json.length)])
      const back = readInferRequest(modelWith(names), asked, length === undefined ? undefined : String(renamed.length))
      expect(back.inputs).toEqual(values)
    }),
    { numRuns: 300 },
  )
})

describe('malformed requests are refused', () => {
  const good = { name: 'a', shape: [2], datatype: 'FP32', data: [1, 2] }
  const read = (inputs: unknown, rest: object = {}) =>
    readInferRequest(modelWith(['a', 'b']), Buffer.from(JSON.stringify({ inputs, ...rest })), undefined)
  const messageOf = (run: () => unknown): string => {
    try {
      run()
    } catch (error) {
      if (error instanceof HenceError && error.code === 'REQUEST_INVALID') return error.message
      throw error
    }
    return 'nothing was thrown'
  }

  test.each([
    [undefined, 'inputs must be an array'],
    [{}, 'inputs must be an array'],
    [[5], 'inputs[0] must be an object'],
    [[{ ...good, name: 5 }], 'inputs[0].name must be a text'],
    [[good, good], 'given twice'],
    [[{ ...good, datatype: 'FP23' }], 'inputs[0].datatype'],
    [[{ ...good, datatype: undefined }], 'inputs[0].datatype'],
    [[{ ...good, shape: '2' }], 'inputs[0].shape must be an array'],
    [[{ ...good, shape: [-1] }], 'inputs[0].shape must be an array'],
    [[{ ...good, shape: ['2'] }], 'inputs[0].shape must be an array'],
    [[{ ...good, shape: Array(40).fill(1) }], 'inputs[0].shape must be an array'],
    [[{ ...good, shape: [2 ** 20, 2 ** 20] }], 'more than one tensor can have'],
    [[{ ...good, shape: [3] }], 'shape [3] needs 3 values, but data has 2'],
    [[{ ...good, data: undefined }], 'neither data nor'],
    [[{ ...good, data: ['x', 'y'] }], 'value 0 is a text, which is no number'],
    [[{ ...good, data: [1, null] }], 'value 1 is null'],
    [[{ ...good, datatype: 'INT8', data: [1, 200] }], 'value 1 is 200, which is no i8'],
    [[{ ...good, datatype: 'INT32', data: [1, 0.5] }], 'value 1 is 0.5'],
    [[{ ...good, datatype: 'UINT64', data: [1, -1] }], 'value 1 is -1'],
    [[{ ...good, datatype: 'BOOL', data: [true, 2] }], 'value 1 is 2'],
    [[{ ...good, datatype: 'BYTES', data: ['x', 2] }], 'value 1 is 2'],
    [[{ ...good, parameters: { binary_data_size: 8 } }], 'data and binary_data_size'],
    [[{ ...good, data: undefined, parameters: { binary_data_size: 8 } }], 'only 0 are left'],
    [[{ ...good, data: undefined, parameters: { binary_data_size: -8 } }], 'must be a number of bytes'],
  ])('%j', (inputs, message) => {
    expect(messageOf(() => read(inputs))).toContain(message)
  })

  test('integers beyond their range, however long', () => {
    const text = `{"inputs":[{"name":"a","shape":[1],"datatype":"INT64","data":[9223372036854775808]}]}`
    expect(messageOf(() => readInferRequest(modelWith(['a']), Buffer.from(text), undefined))).toContain('value 0 is 9223372036854775808')
  })

  test('wrong outputs, ids and lengths', () => {
    expect(messageOf(() => read([good], { outputs: [{ name: 'aa' }] }))).toContain('did you mean "a"?')
    expect(messageOf(() => read([good], { outputs: 'a' }))).toContain('outputs must be an array')
    expect(messageOf(() => read([good], { id: 5 }))).toContain('id must be a text')
    for (const length of ['-1', '1.5', 'x', '1000'])
      expect(messageOf(() => readInferRequest(modelWith(['a']), Buffer.from('{}'), length))).toContain('Inference-Header-Content-Length')
    expect(messageOf(() => readInferRequest(modelWith(['a']), Buffer.from('{"inputs":[]}tail'), '13'))).toContain('belong to no input')
  })

  test('random bodies throw nothing else', () => {
    const mutated = fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(JSON.stringify({ id: 'x', inputs: [good, { ...good, name: 'b', datatype: 'BYTES', data: ['p', 'q'] }] }))
      bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), mutated), fc.option(fc.nat(220), { nil: undefined }), (body, length) => {
        messageOf(() => readInferRequest(modelWith(['a', 'b']), body, length?.toString()))
      }),
      { numRuns: 2_000 },
    )
  })
})

test('a raw body is the only input', () => {
  const raw = (shape: (number | string)[], dtype: WireType, body: Uint8Array) =>
    readInferRequest({ ...modelWith(['x']), inputs: [{ name: 'x', kind: 'tensor', dtype, shape }] }, body, '0')
  const { inputs, outputs } = raw(['n', 2, 'm'], 'f32', new Uint8Array(24))
  expect(inputs['x']).toMatchObject({ dtype: 'f32', shape: [1, 2, 3] })
  expect(outputs).toEqual([{ name: 'x', isBinary: true }])
  expect(raw(['n'], 'string', Buffer.from([1, 0, 0, 0, 65])).inputs['x']).toEqual({ dtype: 'string', shape: [1], data: ['A'] })
  expect(() => raw(['n', 'm', 'k'], 'f32', new Uint8Array(4))).toThrow('more than one size')
  expect(() => raw(['n', 2], 'f32', new Uint8Array(7))).toThrow('needs 8 bytes')
  expect(() => raw(['n', 'm'], 'f32', new Uint8Array(7))).toThrow('whole numbers')
  expect(datatypeOf('c64')).toBeUndefined()
})

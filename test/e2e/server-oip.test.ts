import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TensorModel } from '../../src/core/index.ts'
import { tensor } from '../../src/core/index.ts'
import { type RunningServer, serve } from '../../src/server/index.ts'
import { network } from '../../src/tasks/index.ts'

let server: RunningServer
let models: Record<string, TensorModel>

beforeAll(async () => {
  const twice = network('twice')
  const x = twice.input('x', 'f32', ['batch', 3])
  twice.output('y', twice.op('Mul', [x, tensor('f32', [], Float32Array.of(2))]), 'f32', ['batch', 3])
  const echo = network('echo')
  for (const dtype of ['i64', 'u8', 'bool', 'string', 'f16'] as const)
    echo.output(`${dtype}_out`, echo.op('Identity', [echo.input(dtype, dtype, ['n'])]), dtype, ['n'])
  models = { twice: await twice.load({ backend: 'reference' }), 'org/echo': await echo.load({ backend: 'reference' }) }
  server = await serve({ models, port: 0, batching: { maxDelayMs: 50, maxRows: 4 } })
})
afterAll(async () => {
  await server.close()
  for (const model of Object.values(models)) model.dispose()
})

function get(path: string): Promise<Response> {
  return fetch(server.url + path)
}

function infer(
  model: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Response> {
  return fetch(`${server.url}/v2/models/${model}/infer`, { method: 'POST', body, headers })
}

const TWICE = { inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] }] }

test('health, server and models', async () => {
  expect(await (await get('/v2/health/live')).json()).toEqual({ live: true })
  expect(await (await get('/v2/health/ready')).json()).toEqual({ ready: true })
  expect(await (await get('/v2')).json()).toMatchObject({ name: 'hence', extensions: ['binary_tensor_data'] })
  expect(await (await get('/v2/models')).json()).toEqual({ models: ['twice', 'org/echo'] })
  expect((await get('/v2/models/twice/ready')).status).toBe(200)
  for (const path of ['/v2/models/twice', '/v2/models/twice/versions/1'])
    expect(await (await get(path)).json()).toEqual({
      name: 'twice',
      versions: ['1'],
      platform: 'hence_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
    })
  expect(await (await get('/v2/models/org%2Fecho')).json()).toMatchObject({ name: 'org/echo' })
})

describe('infer', () => {
  test('JSON in, JSON out; the id comes back, and none is made up', async () => {
    const response = await infer('twice', JSON.stringify({ ...TWICE, id: 'abc' }))
    expect(await response.json()).toEqual({
      model_name: 'twice',
      model_version: '1',
      id: 'abc',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], data: [2, 4, 6] }],
    })
    expect(response.headers.get('x-batch')).toBe('rows=1, requests=1, reason=delay')
    expect(response.headers.get('server-timing')).toMatch(/^queue;dur=[\d.]+, compute;dur=[\d.]+$/)
    const nested = { inputs: [{ ...TWICE.inputs[0], data: [[1, 2, 3]] }] }
    expect('id' in ((await (await infer('twice', JSON.stringify(nested))).json()) as object)).toBe(false)
  })

  test('whole numbers beyond 2⁵³ are exact both ways', async () => {
    const integers = '[9223372036854775807,-9223372036854775808,9007199254740993,0]'
    const body = `{"inputs":[{"name":"i64","shape":[4],"datatype":"INT64","data":${integers}},{"name":"u8","shape":[4],"datatype":"UINT8","data":[0,255,1,2]},{"name":"bool","shape":[4],"datatype":"BOOL","data":[true,false,true,true]},{"name":"string","shape":[4],"datatype":"BYTES","data":["12345678901234567890","é","",","]},{"name":"f16","shape":[4],"datatype":"FP16","data":[0.5,-2,65504,0]}]}`
    const text = await (await infer('org%2Fecho', body)).text()
    expect(text).toContain(`{"name":"i64_out","datatype":"INT64","shape":[4],"data":${integers}}`)
    expect(text).toContain('{"name":"bool_out","datatype":"BOOL","shape":[4],"data":[true,false,true,true]}')
    expect(text).toContain('{"name":"string_out","datatype":"BYTES","shape":[4],"data":["12345678901234567890","é","",","]}')
    expect(text).toContain('{"name":"f16_out","datatype":"FP16","shape":[4],"data":[0.5,-2,65504,0]}')
  })

  test('bytes in, bytes out', async () => {
    const values = Float32Array.of(0.5, -1, 1e-30, 3, 4, 5)
    const json = Buffer.from(
      JSON.stringify({
        inputs: [{ name: 'x', shape: [2, 3], datatype: 'FP32', parameters: { binary_data_size: 24 } }],
        outputs: [{ name: 'y', parameters: { binary_data: true } }],
      }),
    )
    const body = Buffer.concat([json, new Uint8Array(values.buffer)])
    const response = await infer('twice', body, {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    })
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    const answer = Buffer.from(await response.arrayBuffer())
    const end = Number(response.headers.get('inference-header-content-length'))
    expect(JSON.parse(answer.subarray(0, end).toString())).toMatchObject({
      outputs: [{ name: 'y', shape: [2, 3], parameters: { binary_data_size: 24 } }],
    })
    expect(new Float32Array(new Uint8Array(answer.subarray(end)).buffer)).toEqual(values.map(value => value * 2))
  })

  test('a raw body', async () => {
    const response = await infer('twice', new Uint8Array(Float32Array.of(1, 2, 3).buffer), {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': '0',
    })
    const answer = Buffer.from(await response.arrayBuffer())
    const bytes = new Uint8Array(answer.subarray(Number(response.headers.get('inference-header-content-length'))))
    expect([...new Float32Array(bytes.buffer)]).toEqual([2, 4, 6])
  })

  test('requests that come together share a run, and it is counted why it was cut', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map(async from => {
        const response = await infer('twice', JSON.stringify({ inputs: [{ ...TWICE.inputs[0], data: [from, 0, 0] }] }))
        return {
          batch: response.headers.get('x-batch'),
          first: ((await response.json()) as { outputs: { data: number[] }[] }).outputs[0]!.data[0],
        }
      }),
    )
    expect(answers.map(({ first }) => first)).toEqual([2, 4, 6, 8])
    expect(answers.map(({ batch }) => batch)).toEqual(Array(4).fill('rows=4, requests=4, reason=full'))
    const metrics = await (await get('/metrics')).text()
    expect(metrics).toMatch(/hence:batches_total{model_name="twice",reason="full"} 1\n/)
    expect(metrics).toMatch(/hence:batch_size_bucket{le="4",model_name="twice"} /)
  })

  test.each([
    ['twice', '{', 400, 'not valid JSON'],
    ['twice', '{}', 400, 'inputs must be an array'],
    ['twice', JSON.stringify({ inputs: [{ ...TWICE.inputs[0], shape: ['1', 3] }] }), 400, 'inputs[0].shape must be'],
    ['twice', JSON.stringify({ inputs: [{ ...TWICE.inputs[0], name: 'z' }] }), 400, 'no input "z"'],
    ['twice', JSON.stringify({ inputs: [{ ...TWICE.inputs[0], datatype: 'FP64' }] }), 400, 'must be of type f32'],
    ['twice', JSON.stringify({ inputs: [{ ...TWICE.inputs[0], shape: [3] }] }), 400, 'must have the shape'],
    ['twice', JSON.stringify({ ...TWICE, outputs: [{ name: 'yy' }] }), 400, 'did you mean "y"?'],
    ['thrice', JSON.stringify(TWICE), 404, "did you mean 'twice'?"],
    ['..%2F..%2Fetc%2Fpasswd', JSON.stringify(TWICE), 404, 'does not exist'],
    ['twice/versions/2', JSON.stringify(TWICE), 404, "no version '2'"],
  ])('%s %s gives %i', async (model, body, status, message) => {
    const response = await infer(model, body)
    expect(response.status).toBe(status)
    const document = (await response.json()) as { error: string }
    expect(Object.keys(document)).toEqual(['error'])
    expect(document.error).toContain(message)
  })

  test('a timeout in microseconds is kept', async () => {
    const response = await infer('twice', JSON.stringify({ ...TWICE, parameters: { timeout: 5_000 } }))
    expect(response.status).toBe(504)
    expect((await infer('twice', JSON.stringify({ ...TWICE, parameters: { timeout: 5e6 } }))).status).toBe(200)
  })

  test('text is not asked of it', async () => {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'twice', prompt: 'x' }),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { param: 'model' } })
  })
})

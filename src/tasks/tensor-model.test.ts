import { rmSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { availableBackends } from '../../test/backends.ts'
import {
  countingLoop,
  defaultScale,
  handingOn,
  normalizedProduct,
  temporaryFolder,
  twoOutputs,
  unknownOperators,
} from '../../test/tensor-models.ts'
import { type ElementType, type Tensor, type TensorModel, tensor } from '../core/index.ts'
import { load } from './index.ts'

const folder = temporaryFolder()
const adding = folder.write('adding.onnx', twoOutputs())
const looping = folder.write('looping.onnx', countingLoop())
afterAll(folder.remove)

function loadAdding(): Promise<TensorModel> {
  return load(adding, { kind: 'tensor', backend: 'reference' })
}

/** `[rows, 3]` of `value`. */
function rows(count: number, value: number): Tensor<'f32'> {
  return tensor('f32', [count, 3], new Float32Array(count * 3).fill(value))
}

function dataOf(value: unknown): number[] {
  return Array.from((value as Tensor<'f32'>).data)
}

const LONG = { times: tensor('i64', [], BigInt64Array.of(90_000n)), x: tensor('f32', [1]) }

describe('run', () => {
  test('gives outputs by name, in memory of their own', async () => {
    await using model = await loadAdding()
    const first = await model.run({ a: rows(2, 1), b: rows(2, 2) })
    expect(Object.keys(first)).toEqual(['sum', 'product'])
    expect(first['sum']).toMatchObject({ dtype: 'f32', shape: [2, 3] })
    const second = await model.run({ a: rows(2, 10), b: rows(2, 20) })
    expect(dataOf(first['sum'])).toEqual([3, 3, 3, 3, 3, 3])
    expect(dataOf(first['product'])).toEqual([9, 12, 9, 12])
    expect(dataOf(second['sum'])).toEqual([30, 30, 30, 30, 30, 30])
  })

  test('an input or a weight that is handed on is a copy', async () => {
    const path = folder.write('handing-on.onnx', handingOn())
    await using model = await load(path, { kind: 'tensor', backend: 'reference' })
    const x = tensor('f32', [2], Float32Array.of(1, 2))
    for (let i = 0; i < 2; i++) {
      const outputs = await model.run({ x })
      expect([dataOf(outputs['same']), dataOf(outputs['again']), dataOf(outputs['known'])]).toEqual([
        [1, 2],
        [1, 2],
        [5, 6],
      ])
      for (const output of Object.values(outputs)) (output as Tensor<'f32'>).data.fill(9)
      expect(dataOf(x)).toEqual([1, 2])
    }
  })

  test('inputs are only read', async () => {
    await using model = await loadAdding()
    const [a, b] = [rows(2, 1), rows(2, 2)]
    await model.run({ a, b })
    expect([dataOf(a), dataOf(b)]).toEqual([dataOf(rows(2, 1)), dataOf(rows(2, 2))])
  })

  test('outputs the caller gives are written into', async () => {
    await using model = await loadAdding()
    const sum = tensor('f32', [2, 3])
    const outputs = await model.run({ a: rows(2, 1), b: rows(2, 2) }, { outputs: { sum } })
    expect(outputs['sum']).toBe(sum)
    expect(dataOf(sum)).toEqual([3, 3, 3, 3, 3, 3])
    const narrow = { sum: tensor('f32', [2, 2]) }
    await expect(model.run({ a: rows(2, 1), b: rows(2, 2) }, { outputs: narrow })).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
    const unknown = { some: sum }
    await expect(model.run({ a: rows(2, 1), b: rows(2, 2) }, { outputs: unknown })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { outputs: ['sum', 'product'] },
    })
  })

  test('what is no tensor is refused with how it is called', async () => {
    await using model = await loadAdding()
    const call = `model.run({ "a": tensor('f32', [n, 3], data), "b": tensor('f32', [n, 3], data) })`
    await expect(model.run(undefined as never)).rejects.toMatchObject({ code: 'OPTION_INVALID', hint: call })
    await expect(model.run({ a: rows(1, 1) })).rejects.toMatchObject({ hint: call })
    for (const [wrong, noun] of [
      [new Float32Array(3), 'Float32Array'],
      [[1, 2, 3], 'Array'],
      [7, 'a number'],
      [null, 'null'],
    ])
      await expect(model.run({ a: rows(1, 1), b: wrong as never })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: `run: the input "b" must be a tensor, is ${noun}`,
        hint: "b: tensor('f32', [n, 3], data)",
      })
  })

  test('runs of many shapes at once give what each gives alone', async () => {
    await using model = await loadAdding()
    const counts = Array.from({ length: 60 }, (_, i) => 1 + ((i * 7) % 45))
    const results = await Promise.all(counts.map((count, i) => model.run({ a: rows(count, i), b: rows(count, 1) })))
    for (const [i, count] of counts.entries()) {
      expect(dataOf(results[i]!['sum'])).toEqual(new Array(count * 3).fill(i + 1))
      expect(dataOf(results[i]!['product']).slice(0, 2)).toEqual([9 * i, 12 * i])
    }
  })

  test.each<[string, Record<string, Tensor<ElementType>>, string, string]>([
    ['a missing input', { a: rows(1, 1) }, 'OPTION_INVALID', 'the input "b" is missing'],
    ['an unknown input', { a: rows(1, 1), b: rows(1, 1), bb: rows(1, 1) }, 'OPTION_INVALID', 'did you mean "b"?'],
    ['another element type', { a: rows(1, 1), b: tensor('f64', [1, 3]) }, 'OPTION_INVALID', 'must be of type f32, is f64'],
    ['another rank', { a: rows(1, 1), b: tensor('f32', [3]) }, 'SHAPE_MISMATCH', 'must have the shape [n = 1, 3], has [3]'],
    ['another size', { a: rows(1, 1), b: tensor('f32', [1, 4]) }, 'SHAPE_MISMATCH', 'has [1, 4]'],
    ['sizes of one name that differ', { a: rows(1, 1), b: rows(2, 1) }, 'SHAPE_MISMATCH', 'must have the shape [n = 1, 3], has [2, 3]'],
    [
      'data of another length',
      { a: rows(1, 1), b: { dtype: 'f32', shape: [1, 3], data: new Float32Array(4) } },
      'SHAPE_MISMATCH',
      'has 4 elements',
    ],
    [
      'data of another kind',
      { a: rows(1, 1), b: { dtype: 'f32', shape: [1, 3], data: new Float64Array(3) as never } },
      'OPTION_INVALID',
      'Float64Array',
    ],
  ])('%s', async (_, inputs, code, message) => {
    await using model = await loadAdding()
    await expect(model.run(inputs)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    // The refusal leaves the model as it was.
    expect(dataOf((await model.run({ a: rows(1, 1), b: rows(1, 2) }))['sum'])).toEqual([3, 3, 3])
  })

  test('unknown options are refused', async () => {
    await using model = await loadAdding()
    const options = { singal: AbortSignal.abort() } as never
    await expect(model.run({ a: rows(1, 1), b: rows(1, 1) }, options)).rejects.toMatchObject({ details: { nearest: 'signal' } })
  })

  test('a signal stops the work', async () => {
    await using model = await load(looping, { kind: 'tensor', backend: 'reference' })
    await expect(model.run(LONG, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    const controller = new AbortController()
    const running = model.run(LONG, { signal: controller.signal })
    await setImmediate()
    controller.abort()
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    const short = await model.run({ ...LONG, times: tensor('i64', [], BigInt64Array.of(3n)) })
    expect(dataOf(short['y'])).toEqual([3])
  })

  test('a loop that goes on for too long is stopped', async () => {
    await using model = await load(looping, { kind: 'tensor', backend: 'reference', maxLoopIterations: 10 })
    await expect(model.run(LONG)).rejects.toMatchObject({ message: expect.stringContaining('10') })
  })
})

test('an input with a value of its own may be given another', async () => {
  const path = folder.write('default.onnx', defaultScale())
  await using model = await load(path, { kind: 'tensor', backend: 'reference' })
  const x = tensor('f32', [2], Float32Array.of(3, 4))
  const scale = (by: number): Tensor<'f32'> => tensor('f32', [1], Float32Array.of(by))
  expect(model.describe()).toMatchObject({ inputs: [{ name: 'x' }], optionalInputs: [{ name: 'scale', shape: [1] }] })
  expect(dataOf((await model.run({ x }))['y'])).toEqual([6, 8])
  expect(dataOf((await model.run({ x, scale: scale(10) }))['y'])).toEqual([30, 40])
  expect(dataOf((await model.run({ x, scale: scale(-1) }))['y'])).toEqual([-3, -4])
  expect(dataOf((await model.run({ x }))['y'])).toEqual([6, 8])
  await expect(model.run({ x, scale: tensor('f32', [2]) })).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
})

describe('weights', () => {
  test('are let go once they are packed, and read again where another shape needs them', async () => {
    const path = folder.write('normalized.onnx', normalizedProduct(200))
    await using model = await load(path, { kind: 'tensor', backend: 'reference' })
    const run = async (count: number): Promise<number[]> =>
      dataOf((await model.run({ x: tensor('f32', [count, 200], new Float32Array(count * 200).fill(0.5)) }))['y'])
    const first = await run(1)
    expect(await run(1)).toEqual(first)
    expect(await run(2)).toEqual([...first, ...first])
    rmSync(path)
    expect(await run(1)).toEqual(first)
    // The plain backend packs weights for every plan.
    await expect(run(3)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    expect(await run(2)).toEqual([...first, ...first])
  })
})

test.skipIf(!availableBackends().some(({ isNative }) => isNative))(
  'a plan for another shape takes the weights that are packed already',
  async () => {
    const path = folder.write('shared.onnx', normalizedProduct(200))
    await using model = await load(path, { kind: 'tensor', backend: 'native' })
    const run = async (count: number): Promise<number[]> =>
      dataOf((await model.run({ x: tensor('f32', [count, 200], new Float32Array(count * 200).fill(0.5)) }))['y'])
    const first = await run(1)
    rmSync(path)
    expect(await run(3)).toEqual([...first, ...first, ...first])
  },
)

describe('profile', () => {
  test('tells what each step takes, and leaves the model as it was', async () => {
    await using model = await loadAdding()
    const profile = await model.profile({ a: rows(2, 1), b: rows(2, 2) }, { runs: 2 })
    expect(profile).toMatchObject({ runs: 2, ms: expect.any(Number) })
    expect(profile.steps.map(({ op, name }) => `${op} ${name}`)).toEqual(['matmul MatMul_1', 'map sum', 'in and out program 1'])
    expect(dataOf((await model.run({ a: rows(2, 1), b: rows(2, 2) }))['sum'])).toEqual([3, 3, 3, 3, 3, 3])
  })

  test('checks its inputs and options as run does', async () => {
    await using model = await loadAdding()
    await expect(model.profile({ a: rows(1, 1) })).rejects.toMatchObject({ message: expect.stringContaining('"b" is missing') })
    await expect(model.profile({ a: rows(1, 1), b: rows(1, 1) }, { runs: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  test('ends when the model is disposed', async () => {
    const model = await load(looping, { kind: 'tensor', backend: 'reference' })
    const profiling = model.profile(LONG)
    const [ended] = await Promise.allSettled([profiling, setImmediate().then(() => model.dispose())])
    expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'DISPOSED' } })
  })
})

describe('dispose', () => {
  test('ends what runs, and later calls throw', async () => {
    const model = await load(looping, { kind: 'tensor', backend: 'reference' })
    const running = model.run(LONG)
    const [ended] = await Promise.allSettled([running, setImmediate().then(() => model.dispose())])
    expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'DISPOSED' } })
    await expect(model.run(LONG)).rejects.toMatchObject({ code: 'DISPOSED' })
    expect(() => model.describe()).toThrow(expect.objectContaining({ code: 'DISPOSED' }))
    model.dispose()
  })

  test('waits for what runs when it is awaited', async () => {
    const model = await load(looping, { kind: 'tensor', backend: 'reference' })
    let isSettled = false
    const running = model.run(LONG).then(
      () => {},
      () => {
        isSettled = true
      },
    )
    await setImmediate()
    await model[Symbol.asyncDispose]()
    expect(isSettled).toBe(true)
    await running
  })
})

describe('load', () => {
  test('describes what it loaded, as JSON', async () => {
    await using model = await loadAdding()
    const description = model.describe()
    expect(JSON.parse(JSON.stringify(description))).toEqual(description)
    expect(description).toMatchObject({
      kind: 'tensor',
      source: adding,
      opsets: { '': 21 },
      inputs: [{ name: 'a', kind: 'tensor', dtype: 'f32', shape: ['n', 3] }, { name: 'b' }],
      parameters: 6,
      weightBytes: 24,
      operators: { Add: 1, MatMul: 1 },
      backend: { name: 'reference' },
    })
  })

  test('lists every operator it lacks, with counts', async () => {
    const path = folder.write('unknown.onnx', unknownOperators())
    await expect(load(path, { kind: 'tensor' })).rejects.toMatchObject({
      code: 'OPERATOR_UNSUPPORTED',
      details: { missing: { 'ai.onnx.Frobnicate': 2, 'com.example.Twist': 1 } },
    })
  })

  test('says when the kind is another', async () => {
    await expect(load(adding, { kind: 'language' })).rejects.toMatchObject({ code: 'OPTION_INVALID', details: { kind: 'tensor' } })
  })
})

import { afterEach, describe, expect, test } from 'vitest'
import { type Tensor, type TensorModel, tensor } from '../core/index.ts'
import { network } from '../tasks/index.ts'
import { canBatch } from './batch-plan.ts'
import { type CutReason, DynamicBatcher } from './dynamic-batcher.ts'

const FOREVER = new AbortController().signal
const models: TensorModel[] = []
afterEach(() => {
  for (const model of models.splice(0)) model.dispose()
})

/** `y = x · 2 + 1` for x `[batch, 3]`; with `isMixing` the sum over the batch is added too. */
async function affine(isMixing = false): Promise<TensorModel> {
  const net = network('affine')
  const x = net.input('x', 'f32', ['batch', 3])
  const scaled = net.op('Add', [net.op('Mul', [x, tensor('f32', [], Float32Array.of(2))]), tensor('f32', [], Float32Array.of(1))])
  const all = net.op('ReduceSum', [x, tensor('i64', [1], BigInt64Array.of(0n))], { keepdims: 1 })
  net.output('y', isMixing ? net.op('Add', [scaled, all]) : scaled, 'f32', ['batch', 3])
  const model = await net.load({ backend: 'reference' })
  models.push(model)
  return model
}

function rows(count: number, from: number): Tensor<'f32'> {
  return tensor(
    'f32',
    [count, 3],
    Float32Array.from({ length: count * 3 }, (_, i) => from + i),
  )
}

function batcherOver(model: TensorModel, maxRows: number, maxDelayMs: number): { batcher: DynamicBatcher; batches: [number, CutReason][] } {
  const batches: [number, CutReason][] = []
  return { batcher: new DynamicBatcher(model, { maxRows, maxDelayMs, onBatch: (count, reason) => batches.push([count, reason]) }), batches }
}

describe('requests at once share a run', () => {
  test('and each gets the rows of its own', async () => {
    const { batcher, batches } = batcherOver(await affine(), 8, 0)
    const results = await Promise.all([1, 2, 3].map(count => batcher.run({ x: rows(count, 10 * count) }, FOREVER)))
    for (const [i, { outputs, requests }] of results.entries()) {
      const count = i + 1
      const expected = rows(count, 10 * count)
      expect(outputs['y']).toEqual({ ...expected, data: expected.data.map(value => value * 2 + 1) })
      expect(requests).toBe(3)
    }
    expect(batches).toEqual([[6, 'idle']])
  })

  test('as many as fit, in their order', async () => {
    const { batcher, batches } = batcherOver(await affine(), 4, 0)
    const results = await Promise.all([3, 1, 2, 3, 5].map(count => batcher.run({ x: rows(count, 0) }, FOREVER)))
    expect(batches).toEqual([
      [4, 'full'],
      [2, 'full'],
      [3, 'full'],
      [5, 'full'],
    ])
    expect(results.map(({ rows }) => rows)).toEqual([4, 4, 2, 3, 5])
  })

  test('unless one has another shape or type', async () => {
    const net = network('any')
    net.output('y', net.op('Identity', [net.input('x', 'f32', ['n', 'm'])]), 'f32', ['n', 'm'])
    const model = await net.load({ backend: 'reference' })
    models.push(model)
    const { batcher, batches } = batcherOver(model, 8, 0)
    const shapes = [
      [1, 2],
      [2, 2],
      [1, 3],
    ]
    const results = await Promise.all(shapes.map(shape => batcher.run({ x: tensor('f32', shape) }, FOREVER)))
    expect(results.map(({ outputs }) => (outputs['y'] as Tensor).shape)).toEqual(shapes)
    expect(batches).toEqual([
      [3, 'shape'],
      [1, 'idle'],
    ])
  })

  test('and a wrong one spoils only itself', async () => {
    const { batcher } = batcherOver(await affine(), 8, 0)
    const inputs = [{ x: rows(1, 0) }, { y: rows(1, 0) }, { x: rows(1, 5) }]
    const results = await Promise.allSettled(inputs.map(input => batcher.run(input, FOREVER)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})

describe('with a delay', () => {
  test('a request waits for others, until the batch is full', async () => {
    const { batcher, batches } = batcherOver(await affine(), 4, 60_000)
    const first = batcher.run({ x: rows(2, 0) }, FOREVER)
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(batches).toEqual([])
    await Promise.all([first, batcher.run({ x: rows(2, 0) }, FOREVER)])
    expect(batches).toEqual([[4, 'full']])
  })

  test('or until it has waited long enough', async () => {
    const { batcher, batches } = batcherOver(await affine(), 4, 40)
    const { queueMs } = await batcher.run({ x: rows(1, 0) }, FOREVER)
    // A timer may be a little early; it is never early by half.
    expect(queueMs).toBeGreaterThan(20)
    expect(batches).toEqual([[1, 'delay']])
  })

  test('one that leaves is forgotten', async () => {
    const { batcher, batches } = batcherOver(await affine(), 4, 40)
    const leaving = new AbortController()
    const gone = batcher.run({ x: rows(1, 0) }, leaving.signal)
    const stays = batcher.run({ x: rows(1, 0) }, FOREVER)
    leaving.abort()
    await expect(gone).rejects.toMatchObject({ code: 'ABORTED' })
    await stays
    expect(batches).toEqual([[1, 'delay']])
  })
})

test('a model whose rows touch one another is found out, and answers right all the same', async () => {
  const { batcher, batches } = batcherOver(await affine(true), 8, 0)
  for (let round = 0; round < 2; round++) {
    const results = await Promise.all([1, 5].map(from => batcher.run({ x: rows(1, from) }, FOREVER)))
    for (const [i, from] of [1, 5].entries())
      expect((results[i]!.outputs['y'] as Tensor).data).toEqual(rows(1, from).data.map(value => value * 3 + 1))
  }
  expect(batches).toEqual([
    [2, 'idle'],
    [1, 'single'],
    [1, 'single'],
  ])
})

test('only models with one named first dimension can share runs', async () => {
  expect(canBatch((await affine()).describe())).toBe(true)
  const net = network('fixed')
  net.output('y', net.op('Identity', [net.input('x', 'f32', [1, 3])]), 'f32', [1, 3])
  const fixed = await net.load({ backend: 'reference' })
  models.push(fixed)
  expect(canBatch(fixed.describe())).toBe(false)
  const { batcher, batches } = batcherOver(fixed, 8, 0)
  await Promise.all([batcher.run({ x: rows(1, 0) }, FOREVER), batcher.run({ x: rows(1, 0) }, FOREVER)])
  expect(batches).toEqual([
    [1, 'single'],
    [1, 'single'],
  ])
})

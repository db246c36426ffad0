import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Rng } from '../../../../core/index.ts'
import type { OnnxAttribute } from '../../../../formats/index.ts'
import { Attributes } from '../../../attributes.ts'
import type { GraphTensor, Operator, OperatorCall } from '../../../operator.ts'
import { findOperator } from '../../index.ts'

const regressor = findOperator('ai.onnx.ml', 'TreeEnsembleRegressor')!
const classifier = findOperator('ai.onnx.ml', 'TreeEnsembleClassifier')!
const positional = findOperator('ai.onnx.ml', 'TreeEnsemble')!

type Plain = Readonly<Record<string, readonly number[] | readonly string[] | number | string | GraphTensor>>

function attributesOf(plain: Plain): Attributes {
  const typed = Object.entries(plain).map(([name, value]): [string, OnnxAttribute] => {
    if (typeof value === 'number') return [name, { type: 'int', value }]
    if (typeof value === 'string') return [name, { type: 'string', value }]
    if ('data' in value) return [name, { type: 'tensor', value }]
    if (typeof value[0] === 'string') return [name, { type: 'strings', value: value as readonly string[] }]
    const isFloat = /values|weights/.test(name)
    return [name, { type: isFloat ? 'floats' : 'ints', value: value as readonly number[] }]
  })
  return new Attributes('trees', Object.fromEntries(typed))
}

function matrix(rows: readonly (readonly number[])[], dtype: 'f32' | 'f64' = 'f32'): GraphTensor {
  const data = dtype === 'f32' ? Float32Array.from(rows.flat()) : Float64Array.from(rows.flat())
  return { dtype, shape: [rows.length, rows[0]?.length ?? 0], data } as GraphTensor
}

function callOf(attributes: Attributes, input: GraphTensor, signal?: AbortSignal): OperatorCall {
  const host = { random: () => new Rng(0), runGraph: async () => [], maxLoopIterations: 1, signal }
  return { node: 'trees', version: 3, inputs: [input], attributes, outputCount: 2, host }
}

async function run(
  operator: Operator,
  plain: Plain,
  rows: readonly (readonly number[])[],
  dtype: 'f32' | 'f64' = 'f32',
): Promise<number[]> {
  const [output] = await operator.run(callOf(attributesOf(plain), matrix(rows, dtype)))
  return Array.from((output as GraphTensor).data as Float32Array)
}

/** `x[0] <= 0.5 ? 10 : 20` */
const STUMP = {
  n_targets: 1,
  nodes_treeids: [0, 0, 0],
  nodes_nodeids: [0, 1, 2],
  nodes_featureids: [0, 0, 0],
  nodes_values: [0.5, 0, 0],
  nodes_modes: ['BRANCH_LEQ', 'LEAF', 'LEAF'],
  nodes_truenodeids: [1, 0, 0],
  nodes_falsenodeids: [2, 0, 0],
  target_treeids: [0, 0],
  target_nodeids: [1, 2],
  target_ids: [0, 0],
  target_weights: [10, 20],
}

describe('hostile trees are GRAPH_INVALID', () => {
  const cases: readonly (readonly [string, Plain])[] = [
    ['a cycle', { nodes_truenodeids: [0, 0, 0] }],
    ['a longer cycle', { nodes_modes: ['BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF'], nodes_truenodeids: [1, 0, 0], nodes_falsenodeids: [2, 2, 0] }],
    [
      'a node with two parents',
      { nodes_modes: ['BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF'], nodes_truenodeids: [1, 2, 0], nodes_falsenodeids: [1, 2, 0] },
    ],
    ['a child that is not there', { nodes_truenodeids: [7, 0, 0] }],
    ['a node given twice', { nodes_nodeids: [0, 1, 1] }],
    ['an unknown mode', { nodes_modes: ['BRANCH_NEAR', 'LEAF', 'LEAF'] }],
    ['a list too short', { nodes_values: [0.5] }],
    ['a vote for no target', { target_ids: [0, 3] }],
    ['a vote of no node', { target_nodeids: [1, 9] }],
    ['votes of different lengths', { target_weights: [1] }],
    ['a negative feature', { nodes_featureids: [-1, 0, 0] }],
    ['a base value too many', { base_values: [1, 2] }],
    ['an unknown aggregate', { aggregate_function: 'MEDIAN' }],
    ['too many targets', { n_targets: 2 ** 40 }],
  ]
  test.each(cases)('%s', async (_, change) => {
    await expect(run(regressor, { ...STUMP, ...change }, [[0]])).rejects.toMatchObject({ code: 'GRAPH_INVALID' })
  })

  test('a position outside the lists of TreeEnsemble', async () => {
    const bytes = (data: readonly number[]): GraphTensor => ({ dtype: 'u8', shape: [data.length], data: Uint8Array.from(data) })
    const floats = (data: readonly number[]): GraphTensor => ({ dtype: 'f32', shape: [data.length], data: Float32Array.from(data) })
    const good = {
      n_targets: 1,
      tree_roots: [0],
      nodes_modes: bytes([0]),
      nodes_featureids: [0],
      nodes_splits: floats([0.5]),
      nodes_truenodeids: [0],
      nodes_trueleafs: [1],
      nodes_falsenodeids: [1],
      nodes_falseleafs: [1],
      leaf_targetids: [0, 0],
      leaf_weights: floats([1, 2]),
    }
    expect(await run(positional, good, [[0], [1]])).toEqual([1, 2])
    for (const change of [
      { tree_roots: [1] },
      { nodes_truenodeids: [2] },
      { nodes_trueleafs: [0] },
      { leaf_targetids: [0, 5] },
      { nodes_modes: bytes([9]) },
      { nodes_modes: bytes([6]) },
      { nodes_splits: floats([]) },
    ])
      await expect(run(positional, { ...good, ...change }, [[0]]), JSON.stringify(change)).rejects.toMatchObject({ code: 'GRAPH_INVALID' })
  })

  test('rows that lack a feature are a SHAPE_MISMATCH', async () => {
    await expect(run(regressor, { ...STUMP, nodes_featureids: [4, 0, 0] }, [[0]])).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
    await expect(run(classifier, STUMP, [[0]])).rejects.toMatchObject({ code: 'GRAPH_INVALID' })
  })
})

test('thresholds are compared in float32, and in double precision for doubles', async () => {
  const third = Math.fround(1 / 3)
  const above = 1 / 3 + 1e-12
  const stump = { ...STUMP, nodes_values: [third, 0, 0] }
  // 1/3 rounds up to float32: as a double it is less, as a float32 equal.
  expect(await run(regressor, stump, [[third], [above], [third * (1 + 2 ** -23)], [-0]])).toEqual([10, 10, 20, 10])
  expect(await run(regressor, stump, [[third], [third + 1e-12], [third - 1e-12]], 'f64')).toEqual([10, 20, 10])
})

/** A tree as nested nodes, to compare with. */
type Tree =
  | { readonly leaf: number }
  | { readonly feature: number; readonly value: number; readonly yes: Tree; readonly no: Tree; readonly missing: boolean }

const FEATURES = 3
const value = fc.oneof(fc.constantFrom(-1, -0.5, 0, 0.5, 1, -0), fc.float())

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'large', maxDepth: 9 },
    fc.record({ leaf: fc.integer({ min: -50, max: 50 }) }),
    fc.record({ feature: fc.nat(FEATURES - 1), value, yes: tie('tree'), no: tie('tree'), missing: fc.boolean() }),
  ) as fc.Arbitrary<Tree>,
})).tree

function flatten(trees: readonly Tree[], mode: string): Plain {
  const nodes: { tree: number; id: number; feature: number; value: number; mode: string; yes: number; no: number; missing: number }[] = []
  const votes: { tree: number; id: number; weight: number }[] = []
  for (const [index, root] of trees.entries()) {
    let count = 0
    const add = (node: Tree): number => {
      const id = count++
      const entry = { tree: index, id, feature: 0, value: 0, mode: 'LEAF', yes: 0, no: 0, missing: 0 }
      nodes.push(entry)
      if ('leaf' in node) votes.push({ tree: index, id, weight: node.leaf })
      else
        Object.assign(entry, {
          feature: node.feature,
          value: node.value,
          mode,
          missing: Number(node.missing),
          yes: add(node.yes),
          no: add(node.no),
        })
      return id
    }
    add(root)
  }
  return {
    n_targets: 1,
    nodes_treeids: nodes.map(node => node.tree),
    nodes_nodeids: nodes.map(node => node.id),
    nodes_featureids: nodes.map(node => node.feature),
    nodes_values: nodes.map(node => node.value),
    nodes_modes: nodes.map(node => node.mode),
    nodes_truenodeids: nodes.map(node => node.yes),
    nodes_falsenodeids: nodes.map(node => node.no),
    nodes_missing_value_tracks_true: nodes.map(node => node.missing),
    target_treeids: votes.map(vote => vote.tree),
    target_nodeids: votes.map(vote => vote.id),
    target_ids: votes.map(() => 0),
    target_weights: votes.map(vote => vote.weight),
  }
}

const COMPARE: Readonly<Record<string, (x: number, t: number) => boolean>> = {
  BRANCH_LEQ: (x, t) => x <= t,
  BRANCH_LT: (x, t) => x < t,
  BRANCH_GTE: (x, t) => x >= t,
  BRANCH_GT: (x, t) => x > t,
  BRANCH_EQ: (x, t) => x === t,
  BRANCH_NEQ: (x, t) => x !== t,
}

function evaluate(node: Tree, row: readonly number[], mode: string): number {
  if ('leaf' in node) return node.leaf
  const x = row[node.feature]!
  const isTrue = COMPARE[mode]!(x, node.value) || (node.missing && Number.isNaN(x))
  return evaluate(isTrue ? node.yes : node.no, row, mode)
}

describe('random ensembles', () => {
  test.each(Object.keys(COMPARE))('%s', async mode => {
    const rows = fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 11 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(tree, { minLength: 1, maxLength: 6 }),
        rows,
        fc.constantFrom('f32', 'f64'),
        async (trees, values, dtype) => {
          const expected = values.map(row => trees.reduce((sum, root) => sum + evaluate(root, row, mode), 0))
          expect(await run(regressor, flatten(trees, mode), values, dtype)).toEqual(expected)
        },
      ),
      { numRuns: 150 },
    )
  })
})

test('many rows let the event loop turn and can be aborted', async () => {
  const rows = 2 ** 21 + 700
  const input: GraphTensor = { dtype: 'f32', shape: [rows, 1], data: new Float32Array(rows).fill(0.25, rows - 1) }
  const attributes = attributesOf(STUMP)
  const [output] = await regressor.run(callOf(attributes, input))
  const { data } = output as GraphTensor
  expect([data.length, data[0], data.at(-1)]).toEqual([rows, 10, 10])
  await expect(async () => regressor.run(callOf(attributes, input, AbortSignal.abort()))).rejects.toMatchObject({ code: 'ABORTED' })
})

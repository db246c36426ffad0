import type { Buffer } from '../../program/index.ts'
import { labelOf } from '../graph.ts'
import type { OperatorCall, OperatorHost } from '../operator.ts'
import { readClassifier } from '../operators/ml/trees/classifier.ts'
import type { NormalForest } from '../operators/ml/trees/normal-forest.ts'
import { type RegressorParts, readPositionalRegressor, readRegressor } from '../operators/ml/trees/regressor.ts'
import { treeTables } from '../operators/ml/trees/tree-tables.ts'
import type { Lowering, LoweringContext } from './context.ts'

/** The node as a call that only its attributes are read of. */
function callOf({ node, attributes }: LoweringContext): OperatorCall {
  return { node: labelOf(node), version: node.version, inputs: [], attributes, outputCount: node.outputs.length, host: {} as OperatorHost }
}

/** Sums of votes `[rows, targets]`; undefined where the trees or their input are not for programs. */
function sums(context: LoweringContext, forest: NormalForest, bases: ArrayLike<number>, scale: number): Buffer | undefined {
  const { shape } = context.type(0)!
  const [rows, features] = shape.length === 1 ? [1, shape[0]!] : (shape as [number, number])
  const width = forest.columns.reduce((most, { feature }) => Math.max(most, feature + 1), 0)
  const tables = features < width || forest.nodes.roots.length === 0 ? undefined : treeTables(forest)
  if (!tables) return undefined
  const { segment, node } = context
  const { targets } = forest
  const indices = (name: string, data: Int32Array, columns = 1): Buffer =>
    segment.constant(
      `${node.name} ${name}`,
      { dtype: 'i32', shape: columns === 1 ? [data.length] : [data.length / columns, columns], data },
      'i32',
    )
  const floats = (name: string, data: Float32Array): Buffer =>
    segment.constant(`${node.name} ${name}`, { dtype: 'f32', shape: [data.length], data }, 'f32')
  const hasBases = Array.from(bases).some(base => base !== 0)
  return segment.emit(
    'tree_ensemble',
    node.name,
    [
      context.plainAs(0, [rows, features]),
      indices('nodes', tables.nodes, 2),
      indices('trees', tables.trees, 2),
      indices('columns', tables.columns),
      indices('vote starts', tables.voteStarts),
      indices('vote targets', tables.voteTargets),
      floats('vote weights', tables.voteWeights),
      hasBases ? floats('bases', Float32Array.from(bases)) : undefined,
    ],
    { targets, columnBits: tables.columnBits, ...(scale === 1 ? {} : { scale }) },
  )
}

/** f32 rows: what trees in programs read. */
function hasRows(context: LoweringContext): boolean {
  const type = context.type(0)
  return type?.dtype === 'f32' && !context.known(0) && (type.shape.length === 1 || type.shape.length === 2) && !type.shape.includes(0)
}

function regressor(read: (call: OperatorCall) => RegressorParts): Lowering {
  return context => {
    if (!hasRows(context)) return false
    const { forest, aggregate, bases, transform } = read(callOf(context))
    const { targets } = forest
    // Rows of one score only know PROBIT.
    const isPlain = transform === 'NONE' || (targets === 1 && transform !== 'PROBIT')
    if ((aggregate !== 'SUM' && aggregate !== 'AVERAGE') || !(isPlain || transform === 'SOFTMAX' || transform === 'LOGISTIC')) return false
    const y = sums(context, forest, bases, aggregate === 'AVERAGE' ? 1 / forest.nodes.roots.length : 1)
    if (!y) return false
    const { segment, node } = context
    const shape = y.shape as number[]
    if (isPlain) return context.define(y, shape)
    if (transform === 'SOFTMAX') return context.define(segment.emit('softmax', node.name, [y], {}), shape)
    return context.define(segment.emit('map', node.name, [y], { expression: ['sigmoid', { input: 0 }] }), shape)
  }
}

const scores: Lowering = context => {
  if (!hasRows(context)) return false
  const { forest, bases } = readClassifier(callOf(context))
  const y = sums(context, forest, bases, 1)
  return y !== undefined && context.define(y, y.shape as number[])
}

/** Ensembles of trees by operator name. */
export const TREES: Readonly<Record<string, Lowering>> = {
  'ai.onnx.ml.TreeEnsembleRegressor': regressor(readRegressor),
  'ai.onnx.ml.TreeEnsemble': regressor(readPositionalRegressor),
  'hence.TreeScores': scores,
}

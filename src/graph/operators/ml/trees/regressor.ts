import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../../operator.ts'
import { tensorFromNumbers } from '../../support/index.ts'
import { preparedOnce } from '../../support/prepared.ts'
import { checkGraph } from '../../support/values.ts'
import { featureShape } from '../feature-rows.ts'
import { type PostTransform, readPostTransform, transformScores } from '../post-transform.ts'
import { type Aggregate, Ensemble, type EnsembleScores, readAggregate } from './ensemble.ts'
import { type NormalForest, normalizeForest } from './normal-forest.ts'
import { readPositionalTrees } from './read-positional.ts'
import { floatsOf, readTaggedTrees } from './read-tagged.ts'

/** What the attributes of a regressor say. */
export interface RegressorParts {
  readonly forest: NormalForest
  readonly aggregate: Aggregate
  readonly bases: ArrayLike<number>
  readonly transform: PostTransform
}

interface Regressor {
  readonly ensemble: Ensemble
  readonly bases: ArrayLike<number>
  readonly transform: PostTransform
}

const MAX_TARGETS = 2 ** 24

/** The parts of a TreeEnsembleRegressor. @throws HenceError `GRAPH_INVALID` */
export function readRegressor(call: OperatorCall): RegressorParts {
  const targets = call.attributes.int('n_targets', 1)
  checkTargets(call, targets)
  const bases = floatsOf(call, 'base_values')
  checkGraph(bases.length === 0 || bases.length === targets, call, `${bases.length} base values for ${targets} targets`)
  const forest = normalizeForest(call, readTaggedTrees(call, 'target', targets), targets)
  return { forest, aggregate: readAggregate(call), bases, transform: readPostTransform(call) }
}

/** The parts of a TreeEnsemble. @throws HenceError `GRAPH_INVALID` */
export function readPositionalRegressor(call: OperatorCall): RegressorParts {
  const { nodes, targets } = readPositionalTrees(call)
  checkTargets(call, targets)
  const forest = normalizeForest(call, nodes, targets)
  return { forest, aggregate: readAggregate(call), bases: [], transform: readPostTransform(call) }
}

const withEnsemble = ({ forest, aggregate, bases, transform }: RegressorParts): Regressor => ({
  ensemble: new Ensemble(forest, aggregate),
  bases,
  transform,
})

const regressorOf = preparedOnce(call => withEnsemble(readRegressor(call)))
const positionalOf = preparedOnce(call => withEnsemble(readPositionalRegressor(call)))

function checkTargets(call: OperatorCall, targets: number): void {
  checkGraph(targets >= 1 && targets <= MAX_TARGETS, call, `n_targets is ${targets}`, { targets })
}

/** Aggregated votes of trees. */
const treeEnsembleRegressor: Operator = {
  domain: 'ai.onnx.ml',
  name: 'TreeEnsembleRegressor',
  run: call => regress(call, regressorOf(call), 'f32'),
}

/** Aggregated votes of trees whose nodes may also ask for membership in a set. */
const treeEnsemble: Operator = {
  domain: 'ai.onnx.ml',
  name: 'TreeEnsemble',
  run: call => regress(call, positionalOf(call), tensorInput(call, 0).dtype),
}

function regress(
  call: OperatorCall,
  regressor: Regressor,
  dtype: GraphTensor['dtype'],
): readonly GraphTensor[] | Promise<readonly GraphTensor[]> {
  const { rows, columns } = featureShape(call)
  const result = regressor.ensemble.run(call, tensorInput(call, 0), rows, columns)
  const finish = (scores: EnsembleScores): readonly GraphTensor[] => finishRows(call, regressor, scores, rows, dtype)
  return result instanceof Promise ? result.then(finish) : finish(result)
}

function finishRows(
  call: OperatorCall,
  { bases, transform, ensemble }: Regressor,
  { scores }: EnsembleScores,
  rows: number,
  dtype: GraphTensor['dtype'],
): readonly GraphTensor[] {
  const { targets } = ensemble.forest
  if (bases.length > 0) for (let row = 0; row < rows; row++) for (let at = 0; at < targets; at++) scores[row * targets + at]! += bases[at]!
  if (transform !== 'NONE') for (let row = 0; row < rows; row++) transformScores(transform, scores, row * targets, targets)
  return [tensorFromNumbers(call, dtype, [rows, targets], scores)]
}

/** Regression by trees. */
export const treeRegressorOperators: readonly Operator[] = [treeEnsembleRegressor, treeEnsemble]

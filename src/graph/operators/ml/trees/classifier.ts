import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../../operator.ts'
import { numbersOf, tensorFromNumbers, workNumbers } from '../../support/index.ts'
import { preparedOnce } from '../../support/prepared.ts'
import { checkGraph } from '../../support/values.ts'
import { binaryLabels, type ClassLabels, labelTensor, readClassLabels } from '../class-labels.ts'
import { featureShape } from '../feature-rows.ts'
import { binaryScores, type PostTransform, readPostTransform, transformScores } from '../post-transform.ts'
import { Ensemble, type EnsembleScores } from './ensemble.ts'
import { type NormalForest, normalizeForest } from './normal-forest.ts'
import { floatsOf, readTaggedTrees } from './read-tagged.ts'

/** How scores become a decision. */
interface Decision {
  readonly labels: ClassLabels
  readonly bases: ArrayLike<number>
  readonly transform: PostTransform
  /** Of one class or two: the class all votes are for, when there is only one such. */
  readonly onlyClass: number | undefined
  /** Votes count from 0 to 1; otherwise the sign of their sum decides between two classes. */
  readonly isProbability: boolean
}

const decisionOf = preparedOnce((call): Decision => {
  const labels = readClassLabels(call, 'classlabels_int64s')
  const bases = floatsOf(call, 'base_values')
  const count = bases.length
  const fits = count === 0 || count === labels.length || (count === 1 && labels.length === 2)
  checkGraph(fits, call, `${count} base values for ${labels.length} labels`)
  const ids = call.attributes.ints('class_ids', [])
  const isSame = labels.length <= 2 && ids.every(id => id === ids[0])
  return {
    labels,
    bases,
    transform: readPostTransform(call),
    onlyClass: isSame ? (ids[0] ?? 0) : undefined,
    isProbability: Array.from(floatsOf(call, 'class_weights')).every(weight => weight >= 0),
  }
})

/** The forest of a classifier, and what is added to the sums of votes, by class. */
export interface ClassifierParts {
  readonly forest: NormalForest
  readonly bases: readonly number[]
}

/** The parts of a TreeEnsembleClassifier. @throws HenceError `GRAPH_INVALID` */
export function readClassifier(call: OperatorCall): ClassifierParts {
  const { labels, bases, onlyClass } = decisionOf(call)
  const forest = normalizeForest(call, readTaggedTrees(call, 'class', labels.length), labels.length)
  const baseOf = (at: number): number =>
    onlyClass === undefined ? (bases[at] ?? 0) : at === onlyClass ? (bases[onlyClass] ?? bases[0] ?? 0) : 0
  return { forest, bases: bases.length === 0 ? [] : labels.map((_, at) => baseOf(at)) }
}

const scorerOf = preparedOnce(call => {
  const { forest, bases } = readClassifier(call)
  return { ensemble: new Ensemble(forest, 'SUM'), bases }
})

/** Sums of votes with their bases; -0 for a class that has neither. Rounding makes ties of sums that differ by it only. */
const treeScores: Operator = {
  domain: 'hence',
  name: 'TreeScores',
  run: call => {
    const { ensemble, bases } = scorerOf(call)
    const { rows, columns } = featureShape(call)
    const { targets } = ensemble.forest
    const finish = ({ scores, seen }: EnsembleScores): readonly GraphTensor[] => {
      for (let at = 0; at < scores.length; at++) {
        const isSeen = bases.length > 0 || !seen || seen[at] === 1
        scores[at] = isSeen ? scores[at]! + (bases[at % targets] ?? 0) : -0
      }
      return [tensorFromNumbers(call, 'f32', [rows, targets], scores)]
    }
    const result = ensemble.run(call, tensorInput(call, 0), rows, columns)
    return result instanceof Promise ? result.then(finish) : finish(result)
  },
}

/** The decision for scores as {@link treeScores} gives them: labels, and the scores of all classes. */
const treeDecision: Operator = {
  domain: 'hence',
  name: 'TreeDecision',
  run: call => {
    const decision = decisionOf(call)
    const input = tensorInput(call, 0)
    const scores = numbersOf(call, input)
    return decision.onlyClass === undefined
      ? finishRows(call, decision, scores, input.shape[0]!)
      : finishSingles(call, decision, scores, input.shape[0]!)
  },
}

/** The class with the greatest sum of votes, and the scores of all classes. */
const treeEnsembleClassifier: Operator = {
  domain: 'ai.onnx.ml',
  name: 'TreeEnsembleClassifier',
  run: call => {
    const decide = (scores: readonly unknown[]) => treeDecision.run({ ...call, inputs: scores as readonly GraphTensor[] })
    const scores = treeScores.run(call)
    return scores instanceof Promise ? scores.then(decide) : decide(scores)
  },
}

/** Votes for several classes: the first of the greatest sums, of the classes with votes. */
function finishRows(
  call: OperatorCall,
  { labels, bases, transform }: Decision,
  scores: Float64Array<ArrayBuffer>,
  rows: number,
): readonly GraphTensor[] {
  const classes = labels.length
  const picks = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    let best = -1
    for (let at = 0; at < classes; at++) {
      const score = scores[start + at]!
      const counts = bases.length > 0 || !Object.is(score, -0)
      if (counts && (best < 0 || score > scores[start + best]!)) best = at
      scores[start + at] = score + 0
    }
    picks[row] = Math.max(best, 0)
    if (transform !== 'NONE') transformScores(transform, scores, start, classes)
  }
  return [labelTensor(call, labels, picks), tensorFromNumbers(call, 'f32', [rows, classes], scores)]
}

/**
 * Votes for one class of at most two: their sum decides by its sign, or as a probability. As in ONNX Runtime, votes for the
 * second class stand as its score with 0 for the first; those for the first are the score of "yes" and imply the other's.
 */
function finishSingles(
  call: OperatorCall,
  { labels, bases, transform, onlyClass = 0, isProbability }: Decision,
  scores: Float64Array,
  rows: number,
): readonly GraphTensor[] {
  const classes = labels.length
  const bound = isProbability && classes === 2 ? 0.5 : 0
  const picks = new Int32Array(rows)
  const output = workNumbers(call, rows * classes)
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const score = scores[start + onlyClass]! + 0
    picks[row] = score > bound ? 1 : 0
    if (classes === 2 && onlyClass === 0 && bases.length < 2) {
      output.set(binaryScores(transform, score, isProbability), start)
      continue
    }
    output[start + onlyClass] = score
    transformScores(transform, output, start, classes)
  }
  return [labelTensor(call, binaryLabels(labels), picks), tensorFromNumbers(call, 'f32', [rows, classes], output)]
}

/** Classification by trees. */
export const treeClassifierOperators: readonly Operator[] = [treeEnsembleClassifier, treeScores, treeDecision]

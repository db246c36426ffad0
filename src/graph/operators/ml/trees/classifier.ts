import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../../operator.ts'
import { tensorFromNumbers, workNumbers } from '../../support/index.ts'
import { preparedOnce } from '../../support/prepared.ts'
import { checkGraph } from '../../support/values.ts'
import { binaryLabels, type ClassLabels, labelTensor, readClassLabels } from '../class-labels.ts'
import { featureShape } from '../feature-rows.ts'
import { binaryScores, type PostTransform, readPostTransform, transformScores } from '../post-transform.ts'
import { Ensemble, type EnsembleScores } from './ensemble.ts'
import { normalizeForest } from './normal-forest.ts'
import { floatsOf, readTaggedTrees } from './read-tagged.ts'

interface Classifier {
  readonly ensemble: Ensemble
  readonly labels: ClassLabels
  readonly bases: ArrayLike<number>
  readonly transform: PostTransform
  /** The class all votes are for, when there is only one such. */
  readonly onlyClass: number | undefined
  /** Votes count from 0 to 1; otherwise the sign of their sum decides between two classes. */
  readonly isProbability: boolean
}

const classifierOf = preparedOnce((call): Classifier => {
  const labels = readClassLabels(call, 'classlabels_int64s')
  const bases = floatsOf(call, 'base_values')
  const count = bases.length
  const fits = count === 0 || count === labels.length || (count === 1 && labels.length === 2)
  checkGraph(fits, call, `${count} base values for ${labels.length} labels`)
  const nodes = readTaggedTrees(call, 'class', labels.length)
  const { voteTargets, voteWeights } = nodes
  const isSame = voteTargets.every(id => id === voteTargets[0])
  return {
    ensemble: new Ensemble(normalizeForest(call, nodes, labels.length), 'SUM'),
    labels,
    bases,
    transform: readPostTransform(call),
    onlyClass: isSame ? (voteTargets[0] ?? 0) : undefined,
    isProbability: voteWeights.every(weight => weight >= 0),
  }
})

/** The class with the greatest sum of votes, and the scores of all classes. */
const treeEnsembleClassifier: Operator = {
  domain: 'ai.onnx.ml',
  name: 'TreeEnsembleClassifier',
  run: call => {
    const classifier = classifierOf(call)
    const { rows, columns } = featureShape(call)
    const finish = (scores: EnsembleScores): readonly GraphTensor[] =>
      classifier.labels.length <= 2 && classifier.onlyClass !== undefined
        ? finishSingles(call, classifier, scores, rows)
        : finishRows(call, classifier, scores, rows)
    const result = classifier.ensemble.run(call, tensorInput(call, 0), rows, columns)
    return result instanceof Promise ? result.then(finish) : finish(result)
  },
}

/** Votes for several classes: the first of the greatest sums, of the classes with votes. */
function finishRows(
  call: OperatorCall,
  { labels, bases, transform }: Classifier,
  { scores, seen }: EnsembleScores,
  rows: number,
): readonly GraphTensor[] {
  const classes = labels.length
  const picks = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    let best = -1
    for (let at = 0; at < classes; at++) {
      // Rounding to float32 makes ties of sums that differ by the rounding of their votes only.
      const score = Math.fround(scores[start + at]! + (bases[at] ?? 0))
      scores[start + at] = score
      const counts = bases.length > 0 || !seen || seen[start + at] === 1
      if (counts && (best < 0 || score > scores[start + best]!)) best = at
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
  { labels, bases, transform, onlyClass = 0, isProbability }: Classifier,
  { scores }: EnsembleScores,
  rows: number,
): readonly GraphTensor[] {
  const classes = labels.length
  const base = bases[onlyClass] ?? bases[0] ?? 0
  const bound = isProbability && classes === 2 ? 0.5 : 0
  const picks = new Int32Array(rows)
  const output = workNumbers(call, rows * classes)
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const score = Math.fround(scores[start + onlyClass]! + base)
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
export const treeClassifierOperators: readonly Operator[] = [treeEnsembleClassifier]

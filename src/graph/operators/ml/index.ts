import type { Operator } from '../../operator.ts'
import { categoryOperators } from './categories.ts'
import { featureOperators } from './features.ts'
import { labelEncoderOperators } from './label-encoder.ts'
import { linearModelOperators } from './linear.ts'
import { mapOperators } from './maps.ts'
import { scalingOperators } from './scaling.ts'
import { svmClassifierOperators } from './svm-classifier.ts'
import { svmRegressorOperators } from './svm-regressor.ts'
import { treeClassifierOperators } from './trees/classifier.ts'
import { treeRegressorOperators } from './trees/regressor.ts'

/** Classic models and their preparation, the domain ai.onnx.ml. */
export const classicOperators: readonly Operator[] = [
  ...scalingOperators,
  ...featureOperators,
  ...labelEncoderOperators,
  ...categoryOperators,
  ...mapOperators,
  ...linearModelOperators,
  ...svmRegressorOperators,
  ...svmClassifierOperators,
  ...treeRegressorOperators,
  ...treeClassifierOperators,
]

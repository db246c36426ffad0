import type { Operator } from '../../operator.ts'
import { regexOperators } from './regex-full-match.ts'
import { stringConcatOperators } from './string-concat.ts'
import { stringNormalizerOperators } from './string-normalizer.ts'
import { stringSplitOperators } from './string-split.ts'
import { tfIdfOperators } from './tf-idf-vectorizer.ts'

/** Operators on text. */
export const stringOperators: readonly Operator[] = [
  ...stringNormalizerOperators,
  ...stringConcatOperators,
  ...stringSplitOperators,
  ...regexOperators,
  ...tfIdfOperators,
]

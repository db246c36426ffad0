import type { Operator } from '../operator.ts'
import { scoredAttentionOperators } from './attention/index.ts'
import { controlOperators } from './control/index.ts'
import { conversionOperators } from './conversion/index.ts'
import { convolutionOperators } from './convolution/index.ts'
import { creationOperators } from './creation/index.ts'
import { elementwiseOperators } from './elementwise/index.ts'
import { fusedOperators } from './fused.ts'
import { fusedQuantisedOperators } from './fused-quantised.ts'
import { imageOperators } from './image/index.ts'
import { imageDecoderOperators } from './image-decoder/index.ts'
import { linearOperators } from './linear/index.ts'
import { microsoftOperators } from './microsoft/index.ts'
import { classicOperators } from './ml/index.ts'
import { movementOperators } from './movement/index.ts'
import { normalizationOperators } from './normalization/index.ts'
import { poolingOperators } from './pooling/index.ts'
import { recurrentOperators } from './recurrent/index.ts'
import { reductionOperators } from './reduction/index.ts'
import { sequenceOperators } from './sequences/index.ts'
import { signalOperators } from './signal/index.ts'
import { stringOperators } from './strings/index.ts'
import { trainingOperators } from './training/index.ts'

/** Every operator Hence knows, by family. Each family file exports one array. */
const FAMILIES: readonly (readonly Operator[])[] = [
  microsoftOperators,
  classicOperators,
  imageDecoderOperators,
  controlOperators,
  fusedOperators,
  fusedQuantisedOperators,
  sequenceOperators,
  stringOperators,
  trainingOperators,
  signalOperators,
  conversionOperators,
  creationOperators,
  elementwiseOperators,
  imageOperators,
  movementOperators,
  reductionOperators,
  scoredAttentionOperators,
  recurrentOperators,
  normalizationOperators,
  poolingOperators,
  convolutionOperators,
  linearOperators,
]

const byName: ReadonlyMap<string, Operator> = new Map(FAMILIES.flat().map(operator => [`${operator.domain}:${operator.name}`, operator]))

/** The operator of a domain (the empty string is ai.onnx), or `undefined` when Hence lacks it. */
export function findOperator(domain: string, name: string): Operator | undefined {
  return byName.get(`${domain === 'ai.onnx' ? '' : domain}:${name}`)
}

/** The names of a domain's operators. */
export function operatorNames(domain: string): string[] {
  return FAMILIES.flat().flatMap(operator => (operator.domain === domain ? [operator.name] : []))
}

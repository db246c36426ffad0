import type { Operator } from '../../operator.ts'
import { dynamicQuantizeLstmOperators } from './dynamic-quantize-lstm.ts'
import { embedNormalizationOperators } from './embed-normalization.ts'
import { fusedProductOperators } from './fused.ts'
import { gatherBlockQuantizedOperators } from './gather-block-quantized.ts'
import { geluOperators } from './gelu.ts'
import { groupQueryAttentionOperators } from './group-query-attention.ts'
import { integerProductOperators } from './integer-products.ts'
import { matMulNBitsOperators } from './matmul-nbits.ts'
import { multiHeadAttentionOperators } from './multi-head-attention.ts'
import { packedAttentionOperators } from './packed-attention.ts'
import { qGemmOperators } from './qgemm.ts'
import { qLinearOperators } from './qlinear.ts'
import { rotaryOperators } from './rotary-embedding.ts'
import { skipNormalizationOperators } from './skip-normalization.ts'

/** Operators of the domain com.microsoft, which ONNX Runtime's tools and exporters write. */
export const microsoftOperators: readonly Operator[] = [
  ...geluOperators,
  ...fusedProductOperators,
  ...skipNormalizationOperators,
  ...embedNormalizationOperators,
  ...packedAttentionOperators,
  ...multiHeadAttentionOperators,
  ...groupQueryAttentionOperators,
  ...rotaryOperators,
  ...matMulNBitsOperators,
  ...gatherBlockQuantizedOperators,
  ...integerProductOperators,
  ...dynamicQuantizeLstmOperators,
  ...qLinearOperators,
  ...qGemmOperators,
]

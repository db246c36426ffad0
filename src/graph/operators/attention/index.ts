import type { Operator } from '../../operator.ts'
import { attentionOperators } from './attention.ts'
import { flexAttentionOperators } from './flex-attention.ts'
import { linearAttentionOperators } from './linear-attention.ts'
import { rotaryEmbeddingOperators } from './rotary-embedding.ts'

export * from './attend.ts'
export * from './heads.ts'
export { rotaryTable, rotateHeads } from './rotary-embedding.ts'

/** Attention and what belongs to it. */
export const scoredAttentionOperators: readonly Operator[] = [
  ...attentionOperators,
  ...flexAttentionOperators,
  ...linearAttentionOperators,
  ...rotaryEmbeddingOperators,
]

export {
  type GenerationSettings,
  mostTokensOf,
  prefixOf,
  readGenerationSettings,
  rulesOf,
} from './generation-settings.ts'
export { Seq2Seq, type SourceInput } from './seq2seq.ts'
export { Seq2SeqEngine, type WriteRequest } from './seq2seq-engine.ts'
export { isSeq2SeqConfig, type Seq2SeqSource, seq2seqFromHuggingFace, writeSeq2Seq } from './seq2seq-source.ts'
export { planSeq2Seq, type Seq2SeqPlan, type StartedSeq2Seq, startSeq2Seq } from './start-seq2seq.ts'
export type { Seq2SeqLimits, SourcePlace, TargetSlice } from './target-layout.ts'

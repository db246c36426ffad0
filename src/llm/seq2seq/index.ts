export { Seq2Seq, type SourceInput } from './seq2seq.ts'
export { type Seq2SeqConfig, soundTokens } from './seq2seq-config.ts'
export { isSeq2SeqConfig, type Seq2SeqSource, seq2seqFromHuggingFace, writeSeq2Seq } from './seq2seq-source.ts'
export type { Seq2SeqLimits, SourcePlace, TargetSlice } from './target-layout.ts'

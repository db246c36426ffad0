export { BACKEND_NAMES, type LoadProgress, type Precision } from '../backends/index.ts'
export { KV_BLOCK_TOKENS, KV_TYPES, type KvType } from '../program/index.ts'
export type { BatchSlice } from './batch.ts'
export { type BeamResult, searchDecoder } from './beam-search.ts'
export { ConfigFields } from './config-fields.ts'
export {
  Decoder,
  type DecoderSource,
  kvTypeOf,
  stepLimits,
  writeDecoder,
} from './decoder.ts'
export { isExperts } from './decoder-config.ts'
export {
  type DenseLayer,
  DenseRows,
  type EncoderOptions,
  type EncoderSource,
  encoderFromHuggingFace,
  encoderPrecision,
  type HeadConfig,
  ImageTower,
  isEncoderConfig,
  type PatchEmbeddings,
  type StartedEncoder,
  startEncoder,
  TextTower,
  type TokenEmbeddings,
  type TowerConfig,
  type TowerResult,
  type TowerText,
  writeTower,
} from './encoder/index.ts'
export { Engine } from './engine.ts'
export {
  type LogitsRule,
  noEndBefore,
  noRepeatedRuns,
  noWords,
  onlyTokens,
  repetitionPenalty,
  type TimestampTokens,
  timestampRule,
} from './logits-rules.ts'
export { logprobsOf } from './logprobs.ts'
export { decoderFromGguf, decoderFromHuggingFace, decoderFromLlama2c } from './model-config.ts'
export { argmax, DEFAULT_SAMPLING, type LogitBias, Sampler, type Sampling } from './sampler.ts'
export {
  type GenerationSettings,
  isSeq2SeqConfig,
  mostTokensOf,
  planSeq2Seq,
  prefixOf,
  readGenerationSettings,
  rulesOf,
  type Seq2SeqEngine,
  type Seq2SeqPlan,
  type Seq2SeqSource,
  type StartedSeq2Seq,
  seq2seqFromHuggingFace,
  startSeq2Seq,
  writeSeq2Seq,
} from './seq2seq/index.ts'
export type { SequenceHandler, SequenceOptions } from './sequence.ts'
export { type EngineOptions, type EnginePlan, planEngine, type StartedEngine, startEngine } from './start-engine.ts'
export { StopWatch, stopTexts } from './stop.ts'

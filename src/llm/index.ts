export { BACKEND_NAMES, type LoadProgress, type Precision } from '../backends/index.ts'
export { ARCHITECTURES } from './architectures/index.ts'
export type { BatchLimits, BatchSlice } from './batch.ts'
export { ConfigFields } from './config-fields.ts'
export {
  type CompileDecoderOptions,
  Decoder,
  type DecoderSource,
  kvTypeOf,
  STEP_SEQUENCES,
  STEP_TOKENS,
  stepLimits,
  stepMemory,
  writeDecoder,
} from './decoder.ts'
export type { AttentionConfig, DecoderConfig, LayerConfig, LearnedPositions, MlpConfig, NormConfig, RopeConfig } from './decoder-config.ts'
export { Engine, type EngineLoad } from './engine.ts'
export { type ContextPlan, formatBytes, kvBytesPerToken, planContext, tokensThatFit } from './memory.ts'
export { decoderFromGguf, decoderFromHuggingFace, decoderFromLlama2c } from './model-config.ts'
export { argmax, DEFAULT_SAMPLING, Sampler, type Sampling } from './sampler.ts'
export type { SequenceHandler } from './sequence.ts'
export { type EngineOptions, type EnginePlan, planEngine, type StartedEngine, startEngine } from './start-engine.ts'
export { StopWatch } from './stop.ts'

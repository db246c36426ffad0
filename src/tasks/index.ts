export { type ClassifyImageOptions, classifyImage, type ImageClass, type ImageClassification } from './classify-image.ts'
export { type DetectVoiceOptions, detectVoice, type SpeechSegment, type VoiceActivity } from './detect-voice.ts'
export * from './encoder/index.ts'
export { type FileType, type IdentifyFileTypeOptions, identifyFileType } from './identify-file-type.ts'
export { type ImagePreparation, type ImageSize, imageInputOf } from './image-preparation.ts'
export { inspect, type LoadAnyOptions, type LoadOptions, type LoadTensorOptions, load } from './load.ts'
export { type CausalGraphDescription, CausalGraphModel, type LoadCausalOptions } from './load-causal-graph.ts'
export { type LoadNetworkOptions, NetworkModel, type NetworkModelDescription } from './load-network.ts'
export { Network, network } from './network.ts'
export { describeTensorModel, type TensorModelOptions } from './open-tensor-model.ts'
export { type PredictTableOptions, predictTable, type TablePrediction } from './predict-table.ts'
export type { MonoAudio } from './read-audio.ts'
export type { ImageSource } from './read-image.ts'
export {
  isSeq2Seq,
  type SpeechTask,
  type Summary,
  summarise,
  type TranscribeOptions,
  type Transcription,
  type TranscriptionChunk,
  type TranslateOptions,
  type Translation,
  transcribe,
  translate,
} from './seq2seq/index.ts'
export type { TableCell, TableRow } from './table-inputs.ts'
export { VoiceDetector } from './voice-detector.ts'

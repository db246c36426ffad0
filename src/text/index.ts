export {
  type ChatMessage,
  ChatTemplate,
  type ChatTemplateOptions,
  chatTemplateFromConfig,
  chatTemplateFromGguf,
  type RenderOptions,
} from './chat-template.ts'
export type { Encoding, Offset } from './encoding.ts'
export type { Padding } from './padding.ts'
export type {
  DecodeOptions,
  EncodeOptions,
  EncodeTextsOptions,
  SpecialIds,
  StreamDetokenizer,
  StreamOptions,
  Texts,
  Tokenizer,
} from './tokenizer.ts'
export { tokenizerFromGguf } from './tokenizer-gguf.ts'
export { tokenizerFromJson } from './tokenizer-json.ts'
export { tokenizerFromLlama2c } from './tokenizer-llama2c.ts'
export type { Truncation } from './truncation.ts'

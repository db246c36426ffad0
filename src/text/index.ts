export {
  type ChatMessage,
  ChatTemplate,
  type ChatTemplateOptions,
  chatTemplateFromConfig,
  chatTemplateFromGguf,
  type RenderOptions,
} from './chat-template.ts'
export type { DecodeOptions, EncodeOptions, SpecialIds, StreamDetokenizer, StreamOptions, Tokenizer } from './tokenizer.ts'
export { tokenizerFromGguf } from './tokenizer-gguf.ts'
export { tokenizerFromJson } from './tokenizer-json.ts'
export { tokenizerFromLlama2c } from './tokenizer-llama2c.ts'

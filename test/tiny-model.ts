import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Rng } from '../src/core/index.ts'
import { writeSafetensors } from '../src/formats/index.ts'

const VOCABULARY = 258
const HIDDEN = 16

/** Settings of {@link tinyModelFolder}, as `config.json` spells them. */
export const TINY_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: HIDDEN,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: VOCABULARY,
  max_position_embeddings: 96,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  bos_token_id: 256,
  eos_token_id: 257,
} as const

/** What a test wants to be different. */
export interface TinyModelOptions {
  readonly config?: Readonly<Record<string, unknown>>
  /** Tensors left out or given another shape. */
  readonly shapes?: Readonly<Record<string, readonly number[] | undefined>>
  /** All tensors there are, for a model that is no llama. */
  readonly onlyShapes?: Readonly<Record<string, readonly number[]>>
  readonly hasTokenizer?: boolean
  readonly generationConfig?: Readonly<Record<string, unknown>>
}

/** A folder with a llama of random weights whose tokens are bytes; `remove` deletes it. */
export async function tinyModelFolder(options: TinyModelOptions = {}): Promise<{ path: string; remove(): void }> {
  const path = mkdtempSync(join(tmpdir(), 'hence-tiny-'))
  const write = (name: string, content: unknown): void => writeFileSync(join(path, name), JSON.stringify(content))
  write('config.json', { ...TINY_CONFIG, ...options.config })
  if (options.generationConfig) write('generation_config.json', options.generationConfig)
  if (options.hasTokenizer ?? true) {
    write('tokenizer.json', tokenizerJson())
    write('tokenizer_config.json', {
      bos_token: '<s>',
      eos_token: '</s>',
      chat_template: "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}",
    })
  }
  const rng = new Rng(7)
  const shapes = Object.entries({ ...(options.onlyShapes ?? tensorShapes()), ...options.shapes })
  const tensors = shapes.flatMap(([name, shape]) => {
    if (!shape) return []
    const data = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => rng.normal() * 0.3)
    return [{ name, type: 'f32' as const, shape, data: new Uint8Array(data.buffer) }]
  })
  await writeSafetensors(join(path, 'model.safetensors'), { tensors })
  return { path, remove: () => rmSync(path, { recursive: true }) }
}

function tensorShapes(): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = { 'model.embed_tokens.weight': [VOCABULARY, HIDDEN], 'model.norm.weight': [HIDDEN] }
  for (let layer = 0; layer < TINY_CONFIG.num_hidden_layers; layer++) {
    const name = (part: string): string => `model.layers.${layer}.${part}.weight`
    for (const part of ['input_layernorm', 'post_attention_layernorm']) shapes[name(part)] = [HIDDEN]
    for (const part of ['q_proj', 'o_proj']) shapes[name(`self_attn.${part}`)] = [HIDDEN, HIDDEN]
    for (const part of ['k_proj', 'v_proj']) shapes[name(`self_attn.${part}`)] = [HIDDEN / 2, HIDDEN]
    for (const part of ['gate_proj', 'up_proj']) shapes[name(`mlp.${part}`)] = [TINY_CONFIG.intermediate_size, HIDDEN]
    shapes[name('mlp.down_proj')] = [HIDDEN, TINY_CONFIG.intermediate_size]
  }
  return shapes
}

/** Byte-level BPE without merges: every byte is a token. */
function tokenizerJson(): unknown {
  const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  const vocab = Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(printable(byte) ? byte : next++), byte]))
  const special = (id: number, content: string): unknown => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })
  return {
    version: '1.0',
    added_tokens: [special(256, '<s>'), special(257, '</s>')],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: null, vocab, merges: [] },
  }
}

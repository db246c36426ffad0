/**
 * Makes the shipped file of a trained folder: `node models/storyteller/export.mjs FOLDER`. Matrices become q8_0, norms stay
 * f32; rows of q and k are put in the order in which GGUF's llama turns neighbours. Also draws the loss curve. Needs dist/.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSafetensors, quantize, readFloat32, writeGguf } from '../../dist/formats/index.js'
import { lossCurve } from './loss-curve.mjs'

const [folder] = process.argv.slice(2)
if (!folder) {
  console.error('usage: node models/storyteller/export.mjs FOLDER')
  process.exit(2)
}
const here = fileURLToPath(new URL('.', import.meta.url))
const CONTROL = 3
const NORMAL = 1
const CHAT_TEMPLATE =
  "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"

const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
const { model, added_tokens: added } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'))
const tokens = Object.entries(model.vocab)
  .sort(([, a], [, b]) => a - b)
  .map(([text]) => text)
const specials = new Set(added.map(({ id }) => id))
const heads = config.num_attention_heads
const headDim = config.hidden_size / heads

const weights = await openSafetensors(join(folder, 'model.safetensors'))
const tensors = [await tensor('token_embd', 'model.embed_tokens'), await tensor('output_norm', 'model.norm')]
for (let i = 0; i < config.num_hidden_layers; i++) {
  const add = async (to, from, order) => tensors.push(await tensor(`blk.${i}.${to}`, `model.layers.${i}.${from}`, order))
  await add('attn_norm', 'input_layernorm')
  await add('attn_q', 'self_attn.q_proj', neighbours)
  await add('attn_k', 'self_attn.k_proj', neighbours)
  await add('attn_v', 'self_attn.v_proj')
  await add('attn_output', 'self_attn.o_proj')
  await add('ffn_norm', 'post_attention_layernorm')
  await add('ffn_gate', 'mlp.gate_proj')
  await add('ffn_up', 'mlp.up_proj')
  await add('ffn_down', 'mlp.down_proj')
}
await weights.close()
await writeGguf(join(here, 'storyteller.gguf'), {
  metadata: {
    'general.architecture': 'llama',
    'general.name': 'storyteller',
    'general.license': 'mit',
    'llama.block_count': u32(config.num_hidden_layers),
    'llama.context_length': u32(config.max_position_embeddings),
    'llama.embedding_length': u32(config.hidden_size),
    'llama.feed_forward_length': u32(config.intermediate_size),
    'llama.attention.head_count': u32(heads),
    'llama.attention.head_count_kv': u32(config.num_key_value_heads),
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: config.rms_norm_eps },
    'llama.rope.dimension_count': u32(headDim),
    'llama.rope.freq_base': { type: 'f32', value: 10_000 },
    'llama.vocab_size': u32(tokens.length),
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, id) => (specials.has(id) ? CONTROL : NORMAL)),
    'tokenizer.ggml.merges': model.merges.map(pair => (Array.isArray(pair) ? pair.join(' ') : pair)),
    'tokenizer.ggml.bos_token_id': u32(0),
    'tokenizer.ggml.eos_token_id': u32(1),
    'tokenizer.ggml.add_bos_token': true,
    'tokenizer.chat_template': CHAT_TEMPLATE,
  },
  tensors,
})
writeFileSync(join(here, 'loss.svg'), lossCurve(readFileSync(join(folder, 'loss.csv'), 'utf8')))

async function tensor(to, from, order = values => values) {
  const { shape, ...stored } = weights.tensors.get(`${from}.weight`)
  const values = order(await readFloat32({ shape, ...stored }), shape)
  const type = shape.length === 1 ? 'f32' : 'q8_0'
  return { name: `${to}.weight`, type, shape, data: quantize(type, values) }
}

/** Rows (i, i + H) of every head become rows (2i, 2i + 1). */
function neighbours(values, [rows, columns]) {
  const result = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim
    const half = headDim / 2
    const to = row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1)
    result.set(values.subarray(row * columns, (row + 1) * columns), to * columns)
  }
  return result
}

function u32(value) {
  return { type: 'u32', value }
}

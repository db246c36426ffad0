/**
 * Writes a tiny llama with random weights as a GGUF file, the same one every time: `node scripts/tiny-model.mjs OUT`.
 * It has learned nothing, but it has all that a model has: quantised matrices, a tokenizer that can spell any text, a
 * chat template. Needs dist/.
 */
import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Rng } from '../dist/core/index.js'
import { quantize, writeGguf } from '../dist/formats/index.js'

const HIDDEN = 128
const HEADS = 4
const KV_HEADS = 2
const HEAD_DIM = HIDDEN / HEADS
const MLP = 256
const LAYERS = 4
const CONTEXT = 4_096

/** Whole words, so that what it makes up can be read. */
const WORDS = `the a and of to in was is it that he she they with for on at by from not but had have his her their
moon river stone bird window garden letter winter summer morning evening night house door road forest mountain sea wind rain
snow fire light shadow song story dream clock key bread apple tree leaf flower cat dog fox owl whale ship train bridge tower
little old young bright dark quiet loud warm cold blue green red silver golden gentle brave clever slow quick round tall
said saw found made gave took went came sang danced slept walked looked listened remembered forgot opened closed carried
slowly softly suddenly always never again together today tomorrow once there where when because under over behind between`.split(/\s+/)

const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const BYTE = 6

const tokens = []
add('<unk>', UNKNOWN)
add('<s>', CONTROL)
add('</s>', CONTROL)
for (let byte = 0; byte < 256; byte++) add(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE)
for (let code = 0x21; code < 0x7f; code++) add(String.fromCharCode(code), NORMAL)
add('▁', NORMAL)
const firstWord = tokens.length
for (const word of WORDS) addWithBeginnings(`▁${word}`)

const out = process.argv[2]
if (!out) {
  console.error('usage: node scripts/tiny-model.mjs OUT')
  process.exit(2)
}
const rng = new Rng(1)
mkdirSync(dirname(resolve(out)), { recursive: true })
await writeGguf(out, {
  metadata: {
    'general.architecture': 'llama',
    'general.name': 'tiny random llama',
    'llama.block_count': u32(LAYERS),
    'llama.context_length': u32(CONTEXT),
    'llama.embedding_length': u32(HIDDEN),
    'llama.feed_forward_length': u32(MLP),
    'llama.attention.head_count': u32(HEADS),
    'llama.attention.head_count_kv': u32(KV_HEADS),
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-5 },
    'llama.rope.dimension_count': u32(HEAD_DIM),
    'llama.vocab_size': u32(tokens.length),
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens.map(token => token.text),
    'tokenizer.ggml.scores': Float32Array.from(tokens, token => token.score),
    'tokenizer.ggml.token_type': Int32Array.from(tokens, token => token.type),
    'tokenizer.ggml.unknown_token_id': u32(0),
    'tokenizer.ggml.bos_token_id': u32(1),
    'tokenizer.ggml.eos_token_id': u32(2),
    'tokenizer.ggml.add_bos_token': true,
    'tokenizer.chat_template':
      "{{ bos_token }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
  },
  tensors: tensors(),
})

function tensors() {
  const kv = KV_HEADS * HEAD_DIM
  const all = [matrix('token_embd.weight', tokens.length, HIDDEN, embedding), vector('output_norm.weight', HIDDEN)]
  for (let i = 0; i < LAYERS; i++) {
    const name = part => `blk.${i}.${part}.weight`
    all.push(vector(name('attn_norm'), HIDDEN), vector(name('ffn_norm'), HIDDEN))
    all.push(matrix(name('attn_q'), HIDDEN, HIDDEN), matrix(name('attn_k'), kv, HIDDEN), matrix(name('attn_v'), kv, HIDDEN))
    all.push(matrix(name('attn_output'), HIDDEN, HIDDEN), matrix(name('ffn_gate'), MLP, HIDDEN), matrix(name('ffn_up'), MLP, HIDDEN))
    all.push(matrix(name('ffn_down'), HIDDEN, MLP))
  }
  all.push(matrix('output.weight', tokens.length, HIDDEN, preferWords))
  return all
}

/** The first number is large in every embedding, so that the output can tell the words it likes from the bytes it does not. */
function embedding(_token, column) {
  return column === 0 ? 4 : rng.normal()
}

function preferWords(token, column) {
  if (column > 0) return rng.normal() * 0.3
  return token >= firstWord && tokens[token].isWord ? 2 : token === tokenId('.') || token === tokenId(',') ? 1.6 : -2
}

function matrix(name, rows, columns, value = () => rng.normal() / Math.sqrt(columns)) {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => value(Math.floor(i / columns), i % columns))
  return { name, type: 'q8_0', shape: [rows, columns], data: quantize('q8_0', values) }
}

function vector(name, size) {
  return { name, type: 'f32', shape: [size], data: quantize('f32', new Float32Array(size).fill(1)) }
}

function add(text, type, isWord = false) {
  // Longer pieces are merged first.
  const known = tokens.find(token => token.text === text)
  if (!known) tokens.push({ text, type, score: type === NORMAL ? text.length : 0, isWord })
  else known.isWord ||= isWord
}

/** A word is merged letter by letter, so its beginnings have to be tokens too. */
function addWithBeginnings(text) {
  for (let length = 2; length <= text.length; length++) add(text.slice(0, length), NORMAL, length === text.length)
}

function tokenId(text) {
  return tokens.findIndex(token => token.text === text)
}

function u32(value) {
  return { type: 'u32', value }
}

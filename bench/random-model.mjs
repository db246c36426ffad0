/**
 * Writes a llama-architecture GGUF of random weights: the sizes and formats of a real model, for timing.
 *
 *   node bench/random-model.mjs OUT --type q8_0|q4_0|q4_k_m [--experts]
 *
 * The shape is that of a model of 0.85 billion parameters. q4_k_m follows the usual mixture: Q6_K for the output head,
 * the value projections and the down projections, Q4_K for the rest. With --experts half the layers, each with 32 experts of
 * which a token is sent to 4.
 */
import { randomFillSync } from 'node:crypto'
import { parseArgs } from 'node:util'
import { writeGguf } from '../dist/formats/index.js'

const DENSE = { width: 2048, layers: 16, heads: 32, kvHeads: 8, mlp: 5632, vocabulary: 32_000, context: 4096 }
const EXPERTS = { ...DENSE, layers: 8, mlp: 768, experts: 32, expertsPerToken: 4 }
/** Scales, as half-precision bits, that give weights a standard deviation of about 0.02 and, in Q4_K, no mean. */
const BLOCKS = {
  q8_0: { elements: 32, bytes: 34, scales: [[0, 0x0c6c]] },
  q4_0: { elements: 32, bytes: 18, scales: [[0, 0x1c67]] },
  q4_k: {
    elements: 256,
    bytes: 144,
    scales: [
      [0, 0x0617],
      [2, 0x11ba],
    ],
  },
  q6_k: { elements: 256, bytes: 210, scales: [[208, 0x00fc]] },
}

const {
  values: { type, experts: hasExperts },
  positionals: [out],
} = parseArgs({
  allowPositionals: true,
  options: { type: { type: 'string', default: 'q4_0' }, experts: { type: 'boolean', default: false } },
})
if (!out || !['q8_0', 'q4_0', 'q4_k_m'].includes(type)) {
  console.error('usage: random-model.mjs OUT --type q8_0|q4_0|q4_k_m')
  process.exit(2)
}

/** Random blocks, a piece at a time, with every scale replaced by a sensible one. */
function* randomBlocks({ elements, bytes, scales }, count) {
  const blocksPerPiece = Math.floor((8 << 20) / bytes)
  for (let left = count / elements; left > 0; left -= blocksPerPiece) {
    const piece = randomFillSync(Buffer.alloc(Math.min(left, blocksPerPiece) * bytes))
    for (let block = 0; block < piece.length; block += bytes) for (const [at, scale] of scales) piece.writeUInt16LE(scale, block + at)
    yield new Uint8Array(piece.buffer, piece.byteOffset, piece.length)
  }
}

const formatOf = name => (type !== 'q4_k_m' ? type : /^output\.|ffn_down|attn_v/.test(name) ? 'q6_k' : 'q4_k')
const matrix = (name, ...shape) => {
  const format = formatOf(name)
  const count = shape.reduce((product, size) => product * size, 1)
  return { name: `${name}.weight`, type: format, shape, data: () => randomBlocks(BLOCKS[format], count) }
}
const floats = (name, shape, values) => ({ name: `${name}.weight`, type: 'f32', shape, data: new Uint8Array(values.buffer) })
const { width, layers, heads, kvHeads, mlp, vocabulary, context, experts, expertsPerToken } = hasExperts ? EXPERTS : DENSE
const ones = name => floats(name, [width], new Float32Array(width).fill(1))
/** Tokens spread over the experts. */
const router = name =>
  floats(
    name,
    [experts, width],
    Float32Array.from({ length: experts * width }, () => (Math.random() - 0.5) / 8),
  )
const headDim = width / heads
const byteToken = i => `<0x${(i - 3).toString(16).toUpperCase().padStart(2, '0')}>`
const tokens = Array.from({ length: vocabulary }, (_, i) => ['<unk>', '<s>', '</s>'][i] ?? (i < 259 ? byteToken(i) : `▁w${i}`))

await writeGguf(out, {
  metadata: {
    'general.architecture': 'llama',
    'general.name': `random ${type}`,
    'llama.context_length': context,
    'llama.embedding_length': width,
    'llama.block_count': layers,
    'llama.feed_forward_length': mlp,
    'llama.attention.head_count': heads,
    'llama.attention.head_count_kv': kvHeads,
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-5 },
    'llama.rope.dimension_count': headDim,
    ...(experts && { 'llama.expert_count': experts, 'llama.expert_used_count': expertsPerToken }),
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.scores': Float32Array.from(tokens, (_, i) => -i),
    'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1)),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  },
  tensors: [
    matrix('token_embd', vocabulary, width),
    ...Array.from({ length: layers }, (_, layer) => {
      const name = part => `blk.${layer}.${part}`
      return [
        ones(name('attn_norm')),
        matrix(name('attn_q'), width, width),
        matrix(name('attn_k'), kvHeads * headDim, width),
        matrix(name('attn_v'), kvHeads * headDim, width),
        matrix(name('attn_output'), width, width),
        ones(name('ffn_norm')),
        ...(experts
          ? [
              router(name('ffn_gate_inp')),
              matrix(name('ffn_gate_exps'), experts, mlp, width),
              matrix(name('ffn_up_exps'), experts, mlp, width),
              matrix(name('ffn_down_exps'), experts, width, mlp),
            ]
          : [matrix(name('ffn_gate'), mlp, width), matrix(name('ffn_up'), mlp, width), matrix(name('ffn_down'), width, mlp)]),
      ]
    }).flat(),
    ones('output_norm'),
    matrix('output', vocabulary, width),
  ],
})

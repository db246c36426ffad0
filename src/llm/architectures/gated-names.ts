import type { DecoderNames } from '../decoder-roles.ts'

/** Names of Llama's block in Hugging Face layout. */
export const GATED_HUGGING_FACE_NAMES: DecoderNames = {
  prefixes: ['model.', ''],
  places: {
    embedding: { base: '{prefix}embed_tokens' },
    finalNorm: { base: '{prefix}norm' },
    head: { base: 'lm_head' },
    mixerNorm: { base: '{prefix}layers.{layer}.input_layernorm' },
    q: { base: '{prefix}layers.{layer}.self_attn.q_proj' },
    k: { base: '{prefix}layers.{layer}.self_attn.k_proj' },
    v: { base: '{prefix}layers.{layer}.self_attn.v_proj' },
    qNorm: { base: '{prefix}layers.{layer}.self_attn.q_norm' },
    kNorm: { base: '{prefix}layers.{layer}.self_attn.k_norm' },
    attentionOutput: { base: '{prefix}layers.{layer}.self_attn.o_proj' },
    mlpNorm: { base: '{prefix}layers.{layer}.post_attention_layernorm' },
    gate: { base: '{prefix}layers.{layer}.mlp.gate_proj' },
    up: { base: '{prefix}layers.{layer}.mlp.up_proj' },
    down: { base: '{prefix}layers.{layer}.mlp.down_proj' },
  },
}

/** Names of Llama's block in GGUF, with the norms other families add. */
export const GATED_GGUF_NAMES: DecoderNames = {
  prefixes: [''],
  places: {
    embedding: { base: 'token_embd' },
    finalNorm: { base: 'output_norm' },
    head: { base: 'output' },
    mixerNorm: { base: 'blk.{layer}.attn_norm' },
    q: { base: 'blk.{layer}.attn_q' },
    k: { base: 'blk.{layer}.attn_k' },
    v: { base: 'blk.{layer}.attn_v' },
    qNorm: { base: 'blk.{layer}.attn_q_norm' },
    kNorm: { base: 'blk.{layer}.attn_k_norm' },
    attentionOutput: { base: 'blk.{layer}.attn_output' },
    mixerOutputNorm: { base: 'blk.{layer}.post_attention_norm' },
    mlpNorm: { base: 'blk.{layer}.ffn_norm' },
    gate: { base: 'blk.{layer}.ffn_gate' },
    up: { base: 'blk.{layer}.ffn_up' },
    down: { base: 'blk.{layer}.ffn_down' },
    mlpOutputNorm: { base: 'blk.{layer}.post_ffw_norm' },
  },
}

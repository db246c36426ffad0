import { type Buffer, boundDim, type KvType, type Program, ProgramBuilder } from '../program/index.ts'
import { type AttentionStep, attentionBlock } from './attention-block.ts'
import { BlockWriter, type WeightLocator } from './block-writer.ts'
import type { DecoderConfig, LayerConfig } from './decoder-config.ts'
import type { DecoderRole } from './decoder-roles.ts'
import { mlpBlock } from './mlp-block.ts'

export interface DecoderProgramOptions {
  /** Element type of keys and values. */
  readonly kvType: KvType
  /** Makes intermediate results outputs as well: `embeddings`, `layer0.q` …, `layer0`, `final_norm`. */
  readonly hasTaps?: boolean
}

/**
 * The forward pass of a decoder over any number of ragged sequences.
 *
 * Inputs, all i32: `tokens`, `positions` and `slots` `[T]`, `queryStarts` `[S1]`, `contextLengths` `[S]`, `blockStarts`
 * `[S1]`, `blocks` `[B]`, `rows` `[L]` (indices of the tokens whose logits are wanted); S1 = S + 1. States: pools `k0`,
 * `v0`, … of `blocks` blocks. Output: `logits` `[L, vocabulary]`.
 */
export function decoderProgram(config: DecoderConfig, locate: WeightLocator<DecoderRole>, options: DecoderProgramOptions): Program {
  return new DecoderWriter(config, locate, options).write()
}

class DecoderWriter {
  readonly #config: DecoderConfig
  readonly #options: DecoderProgramOptions
  readonly #writer: BlockWriter<DecoderRole>

  constructor(config: DecoderConfig, locate: WeightLocator<DecoderRole>, options: DecoderProgramOptions) {
    this.#config = config
    this.#options = options
    const builder = new ProgramBuilder(config.architecture)
    this.#writer = new BlockWriter({ builder, locate, hasTaps: options.hasTaps ?? false })
  }

  write(): Program {
    const { vocabulary, hidden, norm, position, layers, hasTiedHead } = this.#config
    const w = this.#writer
    const b = w.builder
    const [T, S, S1, B, L] = [boundDim('T'), boundDim('S'), boundDim('S1'), boundDim('B'), boundDim('L')]
    const tokens = b.input('tokens', 'i32', [T])
    const positions = b.input('positions', 'i32', [T])
    const slots = b.input('slots', 'i32', [T])
    const tables = [
      b.input('queryStarts', 'i32', [S1]),
      b.input('contextLengths', 'i32', [S]),
      b.input('blockStarts', 'i32', [S1]),
      b.input('blocks', 'i32', [B]),
    ]
    const rows = b.input('rows', 'i32', [L])

    const table = w.weight('embedding', [vocabulary, hidden])
    let x = b.op('gather', 'token_embeddings', [table, tokens], {})
    if (position.kind === 'learned') {
      const end = position.offset + this.#config.context
      const source = w.source('positions')
      const learned = b.weight(position.offset > 0 ? { ...source, rows: [position.offset, end] } : source, [this.#config.context, hidden])
      x = w.add('embeddings', x, b.op('gather', 'position_embeddings', [learned, positions], {}))
    }
    w.tap('embeddings', x)
    const step: AttentionStep = {
      kvType: this.#options.kvType,
      slots,
      tables,
      turns: this.#turns(positions),
      style: position.kind === 'rope' ? position.style : 'half',
    }
    for (const [index, layer] of layers.entries()) x = this.#layer(index, layer, x, step)

    const last = b.op('gather', 'last', [x, rows], {})
    const normed = w.norm('final_norm', 'finalNorm', last, norm)
    w.tap('final_norm', normed)
    const head = hasTiedHead ? table : w.weight('head', [vocabulary, hidden])
    b.output('logits', b.op('matmul', 'logits', [normed, undefined, undefined, head, undefined], {}))
    return b.build()
  }

  /** x `[T, hidden]` → `[T, hidden]`. */
  #layer(index: number, layer: LayerConfig, x: Buffer, step: AttentionStep): Buffer {
    const { hidden, norm } = this.#config
    const w = this.#writer.at(`layer${index}`, index)
    const attentionInput = w.norm('attention_norm', 'attentionNorm', x, norm)
    w.tap('attention_norm', attentionInput)
    const attended = attentionBlock(w, layer.attention, { hidden, index }, step, attentionInput, x)
    w.tap('attention_residual', attended)
    const mlpInput = w.norm('mlp_norm', 'mlpNorm', attended, norm)
    w.tap('mlp_norm', mlpInput)
    const output = mlpBlock(w, layer.mlp, hidden, mlpInput, attended)
    this.#writer.tap(`layer${index}`, output)
    return output
  }

  #turns(positions: Buffer): Buffer | undefined {
    const { position } = this.#config
    if (position.kind !== 'rope') return undefined
    const { frequencies, scale } = position
    const b = this.#writer.builder
    const constant = b.constant('rope_frequencies', { dtype: 'f32', shape: [frequencies.length] }, frequencies)
    return b.op('rotary_table', 'rotary_table', [positions, constant], scale === 1 ? {} : { scale })
  }
}

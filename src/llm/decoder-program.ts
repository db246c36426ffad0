import { type Buffer, boundDim, type KvType, type MapExpression, type Program, ProgramBuilder } from '../program/index.ts'
import { type AttentionStep, attentionBlock, type Turns } from './attention-block.ts'
import { BlockWriter, type WeightLocator } from './block-writer.ts'
import { type DecoderConfig, isExperts, type LayerConfig, longAfter, type RopeConfig, stateSizes } from './decoder-config.ts'
import type { DecoderRole } from './decoder-roles.ts'
import { expertsBlock } from './experts-block.ts'
import { mlpBlock } from './mlp-block.ts'
import { selectiveScanBlock } from './selective-scan-block.ts'
import { shortConvBlock } from './short-conv-block.ts'
import type { StateStep } from './state-step.ts'

/** Tokens of each row of logits that are looked for where the logits are computed: enough for the usual ways to draw one. */
const LIKELIEST = 64

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
 * `[S1]`, `blocks` `[B]`, `rows` `[L]` (indices of the tokens whose logits are wanted); S1 = S + 1; where frequencies depend
 * on the length of the sequence `isLong` `[T]` (0 or 1); where layers have a state `stateSlots` `[S]` and `snapshots` `[T]`.
 * States: pools `k0`, `v0`, … of `blocks` blocks, and `conv0`, `scan0`, … of `states` slots. Outputs: `logits`
 * `[L, vocabulary]`, and `likeliest` i32 `[L, 64]`, the ids of the largest of each row, largest first.
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
    const { vocabulary, hidden, context, norm, embeddingScale, positions: learned, layers, hasTiedHead, logitSoftcap } = this.#config
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
    if (embeddingScale !== 1) x = w.map('scaled_embeddings', [x], ['mul', { input: 0 }, { constant: embeddingScale }])
    if (learned) {
      const end = learned.offset + context
      const source = w.source('positions')
      const rows = b.weight(learned.offset > 0 ? { ...source, rows: [learned.offset, end] } : source, [context, hidden])
      x = w.add('embeddings', x, b.op('gather', 'position_embeddings', [rows, positions], {}))
    }
    w.tap('embeddings', x)
    const turns = this.#turns(positions)
    const hasStates = layers.some(({ mixer }) => stateSizes(mixer).length > 0)
    const stateTables = hasStates ? [tables[0]!, tables[1]!, b.input('stateSlots', 'i32', [S]), b.input('snapshots', 'i32', [T])] : []
    const step = { kvType: this.#options.kvType, slots, tables, turns, stateTables }
    for (const [index, layer] of layers.entries()) x = this.#layer(index, layer, x, step)

    const last = b.op('gather', 'last', [x, rows], {})
    const normed = w.norm('final_norm', 'finalNorm', last, norm)
    w.tap('final_norm', normed)
    const head = hasTiedHead ? table : w.weight('head', [vocabulary, hidden])
    const logits = b.op('matmul', 'logits', [normed, undefined, undefined, head, undefined], {})
    const capped = logitSoftcap === null ? logits : w.map('capped_logits', [logits], softcapped(logitSoftcap))
    b.output('logits', capped)
    const [, likeliest] = b.apply('top_k', 'likeliest', [capped], { k: Math.min(LIKELIEST, vocabulary) })
    b.output('likeliest', likeliest!)
    return b.build()
  }

  /** x `[T, hidden]` → `[T, hidden]`. */
  #layer(index: number, layer: LayerConfig, x: Buffer, step: AttentionStep & StateStep): Buffer {
    const { hidden, norm } = this.#config
    const { mixer, mlp, norms, isParallel } = layer
    const w = this.#writer.at(`layer${index}`, index)
    /** Adds what a part makes of x to `residual`, with the part's norms around it. */
    const add = (
      part: 'mixer' | 'mlp',
      input: Buffer,
      residual: Buffer,
      block: (x: Buffer, residual: Buffer | undefined) => Buffer,
    ): Buffer => {
      const normed = norms[part] ? w.norm(`${part}_norm`, `${part}Norm`, input, norm) : input
      if (norms[part]) w.tap(`${part}_norm`, normed)
      if (!norms[`${part}Output`]) return block(normed, residual)
      return w.add(`${part}_residual`, residual, w.norm(`${part}_output_norm`, `${part}OutputNorm`, block(normed, undefined), norm))
    }
    const mixed = add('mixer', x, x, (input, residual) => {
      if (mixer.kind === 'selective_scan') return selectiveScanBlock(w, mixer, { hidden, index }, step, input, residual)
      if (mixer.kind === 'short_conv') return shortConvBlock(w, mixer, { hidden, index }, step, input, residual)
      return attentionBlock(w, mixer, { hidden, index, norm }, step, input, residual)
    })
    if (mlp !== null) w.tap('mixer_residual', mixed)
    const output =
      mlp === null
        ? mixed
        : add('mlp', isParallel ? x : mixed, mixed, (input, residual) =>
            isExperts(mlp) ? expertsBlock(w, mlp, hidden, input, residual) : mlpBlock(w, mlp, hidden, input, residual),
          )
    this.#writer.tap(`layer${index}`, output)
    return output
  }

  /** Cosines and sines of each of the model's rotary positions. */
  #turns(positions: Buffer): Turns[] {
    const { ropes } = this.#config
    const w = this.#writer
    const b = w.builder
    const tokens = positions.shape[0]!
    const isLong = longAfter(this.#config) === null ? undefined : b.view(b.input('isLong', 'i32', [tokens]), [tokens, 1])
    return ropes.map(({ frequencies, scale, style, long }, i) => {
      const tableOf = (name: string, values: RopeConfig['frequencies']): Buffer => {
        const constant = b.constant(`${name}_frequencies${i}`, { dtype: 'f32', shape: [values.length] }, values)
        return b.op('rotary_table', `${name}_table${i}`, [positions, constant], scale === 1 ? {} : { scale })
      }
      const table = tableOf('rope', frequencies)
      if (!long || !isLong) return { table, style }
      const either = [isLong, tableOf('long_rope', long.frequencies), table]
      return { table: w.map(`chosen_table${i}`, either, ['where', { input: 0 }, { input: 1 }, { input: 2 }]), style }
    })
  }
}

function softcapped(cap: number): MapExpression {
  return ['mul', { constant: cap }, ['tanh', ['div', { input: 0 }, { constant: cap }]]]
}

import { type Buffer, boundDim, type KvType, kvPoolType, type MapExpression, type Program, ProgramBuilder } from '../program/index.ts'
import type { DecoderConfig, LayerConfig } from './decoder-config.ts'
import { type LayerRole, type ModelRole, outputSize, type TensorLocator } from './tensor-names.ts'

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
export function decoderProgram(config: DecoderConfig, locate: TensorLocator, options: DecoderProgramOptions): Program {
  return new DecoderWriter(config, locate, options).write()
}

class DecoderWriter {
  readonly #config: DecoderConfig
  readonly #locate: TensorLocator
  readonly #options: DecoderProgramOptions
  readonly #builder: ProgramBuilder

  constructor(config: DecoderConfig, locate: TensorLocator, options: DecoderProgramOptions) {
    this.#config = config
    this.#locate = locate
    this.#options = options
    this.#builder = new ProgramBuilder(config.architecture)
  }

  write(): Program {
    const { vocabulary, hidden, position, layers, hasTiedHead } = this.#config
    const b = this.#builder
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

    const table = b.weight(this.#locate('embedding', 'weight'), [vocabulary, hidden])
    let x = b.op('gather', 'token_embeddings', [table, tokens], {})
    if (position.kind === 'learned') {
      const end = position.offset + this.#config.context
      const source = this.#locate('positions', 'weight')
      const learned = b.weight(position.offset > 0 ? { ...source, rows: [position.offset, end] } : source, [this.#config.context, hidden])
      x = this.#add('embeddings', x, b.op('gather', 'position_embeddings', [learned, positions], {}))
    }
    this.#tap('embeddings', x)
    const turns = this.#turns(positions)
    for (const [index, layer] of layers.entries()) x = this.#layer(index, layer, x, slots, tables, turns)

    const last = b.op('gather', 'last', [x, rows], {})
    const normed = this.#norm('final_norm', 'finalNorm', last)
    this.#tap('final_norm', normed)
    const head = hasTiedHead ? table : b.weight(this.#locate('head', 'weight'), [vocabulary, hidden])
    b.output('logits', b.op('matmul', 'logits', [normed, undefined, undefined, head, undefined], {}))
    return b.build()
  }

  /** x `[T, hidden]` → `[T, hidden]`. */
  #layer(index: number, layer: LayerConfig, x: Buffer, slots: Buffer, tables: readonly Buffer[], turns: Buffer | undefined): Buffer {
    const name = `layer${index}`
    const attended = this.#attention(name, index, layer, x, slots, tables, turns)
    this.#tap(`${name}.attention_residual`, attended)
    const output = this.#mlp(name, index, layer, attended)
    this.#tap(name, output)
    return output
  }

  #attention(
    name: string,
    index: number,
    layer: LayerConfig,
    x: Buffer,
    slots: Buffer,
    tables: readonly Buffer[],
    turns: Buffer | undefined,
  ): Buffer {
    const b = this.#builder
    const { heads, kvHeads, headDim, scale, window, hasQkvBias, hasOutputBias } = layer.attention
    const normed = this.#norm(`${name}.attention_norm`, 'attentionNorm', x, index)
    const [q, k, v] = this.#project(`${name}.qkv`, ['q', 'k', 'v'], index, layer, normed, hasQkvBias) as [Buffer, Buffer, Buffer]
    const turned = [q, k].map((buffer, i) =>
      turns && this.#config.position.kind === 'rope'
        ? b.op('rope', `${name}.rope_${'qk'[i]}`, [buffer, turns], { headDim, style: this.#config.position.style })
        : buffer,
    ) as [Buffer, Buffer]
    const pool = kvPoolType(this.#options.kvType, kvHeads, headDim)
    const keys = b.state(`k${index}`, pool)
    const values = b.state(`v${index}`, pool)
    b.apply('kv_write', `${name}.kv_write`, [turned[1], v, slots, keys, values], {})
    const attributes = { heads, kvHeads, headDim, scale, ...(window === null ? {} : { window }) }
    const mixed = b.op('attention', `${name}.attention`, [turned[0], keys, values, ...tables, undefined], attributes)
    for (const [tap, buffer] of Object.entries({ attention_norm: normed, q, k, v, attention: mixed })) this.#tap(`${name}.${tap}`, buffer)
    return this.#residual(`${name}.attention_output`, 'attentionOutput', index, heads * headDim, mixed, hasOutputBias, x)
  }

  #mlp(name: string, index: number, layer: LayerConfig, x: Buffer): Buffer {
    const { width, activation, isGated, hasBias } = layer.mlp
    const normed = this.#norm(`${name}.mlp_norm`, 'mlpNorm', x, index)
    this.#tap(`${name}.mlp_norm`, normed)
    let inner: Buffer
    if (isGated) {
      const [gate, up] = this.#project(`${name}.gate_up`, ['gate', 'up'], index, layer, normed, hasBias) as [Buffer, Buffer]
      const expression: MapExpression = ['mul', [activation, { input: 0 }], { input: 1 }]
      inner = this.#builder.op('map', `${name}.mlp_inner`, [gate, up], { expression })
    } else inner = this.#project(`${name}.mlp_inner`, ['up'], index, layer, normed, hasBias, activation)[0]!
    this.#tap(`${name}.mlp_inner`, inner)
    return this.#residual(`${name}.mlp_output`, 'down', index, width, inner, hasBias, x)
  }

  /** Projections that share their input, in one instruction. */
  #project(
    name: string,
    roles: readonly LayerRole[],
    index: number,
    layer: LayerConfig,
    x: Buffer,
    hasBias: boolean,
    activation?: LayerConfig['mlp']['activation'],
  ): Buffer[] {
    const operands = roles.flatMap(role => {
      const size = outputSize(role, layer)
      return [
        this.#builder.weight(this.#locate(role, 'weight', index), [size, this.#config.hidden]),
        hasBias ? this.#builder.weight(this.#locate(role, 'bias', index), [size]) : undefined,
      ]
    })
    return this.#builder.apply('matmul', name, [x, undefined, undefined, ...operands], activation ? { activation } : {})
  }

  /** `residual + weight · x + bias`. */
  #residual(name: string, role: LayerRole, index: number, inputSize: number, x: Buffer, hasBias: boolean, residual: Buffer): Buffer {
    const { hidden } = this.#config
    const weight = this.#builder.weight(this.#locate(role, 'weight', index), [hidden, inputSize])
    const bias = hasBias ? this.#builder.weight(this.#locate(role, 'bias', index), [hidden]) : undefined
    return this.#builder.op('matmul', name, [x, undefined, residual, weight, bias], {})
  }

  #norm(name: string, role: LayerRole | ModelRole, x: Buffer, index = 0): Buffer {
    const { kind, epsilon, hasBias } = this.#config.norm
    const weight = this.#builder.weight(this.#locate(role, 'weight', index), [this.#config.hidden])
    const bias = hasBias ? this.#builder.weight(this.#locate(role, 'bias', index), [this.#config.hidden]) : undefined
    return this.#builder.op('norm', name, [x, weight, bias], { kind, epsilon })
  }

  #turns(positions: Buffer): Buffer | undefined {
    const { position } = this.#config
    if (position.kind !== 'rope') return undefined
    const { frequencies, scale } = position
    const constant = this.#builder.constant('rope_frequencies', { dtype: 'f32', shape: [frequencies.length] }, frequencies)
    return this.#builder.op('rotary_table', 'rotary_table', [positions, constant], scale === 1 ? {} : { scale })
  }

  #add(name: string, a: Buffer, b: Buffer): Buffer {
    return this.#builder.op('map', name, [a, b], { expression: ['add', { input: 0 }, { input: 1 }] })
  }

  #tap(name: string, buffer: Buffer): void {
    if (this.#options.hasTaps) this.#builder.output(name, buffer)
  }
}

import { type Buffer, boundDim, type KvType, kvPoolType, type Program, ProgramBuilder } from '../../program/index.ts'
import { BlockWriter, type WeightLocator } from '../block-writer.ts'
import { mlpBlock } from '../mlp-block.ts'
import { relativeBias } from './relative-bias.ts'
import type { Seq2SeqConfig, TargetLayer } from './seq2seq-config.ts'
import type { TargetRole } from './seq2seq-roles.ts'
import { textInput } from './text-input.ts'

export interface TargetProgramOptions {
  /** Element type of keys and values. */
  readonly kvType: KvType
  /** Makes intermediate results outputs as well: `embeddings`, `layer0` …, `final`. */
  readonly hasTaps?: boolean
}

/** Inputs of a step that all layers read. */
interface TargetStep {
  readonly kvType: KvType
  readonly memory: Buffer
  readonly memorySlots: Buffer
  readonly slots: Buffer
  /** `queryStarts`, `contextLengths`, `blockStarts`, `blocks` of the targets. */
  readonly own: readonly Buffer[]
  /** The same of the sources. */
  readonly cross: readonly Buffer[]
  readonly bias: Buffer | undefined
}

/**
 * One step of the decoder over any number of ragged targets.
 *
 * Vectors of sources that are new come in as `memory` f32 `[M, hidden]`; their keys and values in every layer are written to
 * `memorySlots` i32 `[M]` of the same pools that hold those of targets, once, and are there for all later steps. Other inputs, all
 * i32: of targets `tokens`, `slots` and, where there is a table of positions, `positions` `[T]`, `queryStarts` `[S1]`,
 * `contextLengths` `[S]`, `blockStarts` `[S1]`, `blocks` `[B]`; of the sources they look at `sourceLengths` `[S]`,
 * `sourceBlockStarts` `[S1]`, `sourceBlocks` `[C]`; `rows` `[L]` (indices of the tokens whose logits are wanted). States: pools
 * `k0`, `v0`, … of `blocks` blocks. Output: `logits` `[L, vocabulary]`.
 */
export function targetProgram(
  config: Seq2SeqConfig,
  locate: WeightLocator<TargetRole>,
  { kvType, hasTaps = false }: TargetProgramOptions,
): Program {
  const { vocabulary, hidden, norm, decoder, head } = config
  const b = new ProgramBuilder(`${config.architecture} decoder`)
  const writer = new BlockWriter<TargetRole>({ builder: b, locate, hasTaps })
  const [T, S, S1] = [boundDim('T'), boundDim('S'), boundDim('S1')]
  const input = textInput(writer, decoder.input, config)
  const ints = (name: string, dim: Parameters<typeof b.input>[2][number]): Buffer => b.input(name, 'i32', [dim])
  const queryStarts = ints('queryStarts', S1)
  const step: TargetStep = {
    kvType,
    memory: b.input('memory', 'f32', [boundDim('M'), hidden]),
    memorySlots: ints('memorySlots', boundDim('M')),
    slots: ints('slots', T),
    own: [queryStarts, ints('contextLengths', S), ints('blockStarts', S1), ints('blocks', boundDim('B'))],
    cross: [queryStarts, ints('sourceLengths', S), ints('sourceBlockStarts', S1), ints('sourceBlocks', boundDim('C'))],
    bias: decoder.relativeBias ? relativeBias(writer, decoder.relativeBias, decoder.layers[0]!.heads, false) : undefined,
  }
  const rows = ints('rows', boundDim('L'))
  let { x } = input
  for (const [index, layer] of decoder.layers.entries()) {
    x = targetLayer(writer.at(`layer${index}`, index), config, layer, index, step, x)
    writer.tap(`layer${index}`, x)
  }
  let last = b.op('gather', 'last', [x, rows], {})
  if (decoder.hasFinalNorm) last = writer.norm('final_norm', 'finalNorm', last, norm)
  writer.tap('final', last)
  if (head.scale !== 1) last = writer.map('scaled', [last], ['mul', { input: 0 }, { constant: head.scale }])
  const matrix = head.isTied ? input.table : writer.weight('head', [vocabulary, hidden])
  const bias = head.hasBias ? b.weight({ ...writer.source('headBias'), fileShape: [1, vocabulary] }, [vocabulary]) : undefined
  b.output('logits', b.op('matmul', 'logits', [last, undefined, undefined, matrix, bias], {}))
  return b.build()
}

/** Attention to the target so far, attention to the source, then the MLP: x `[T, hidden]` → `[T, hidden]`. */
function targetLayer(
  writer: BlockWriter<TargetRole>,
  { hidden, norm, normPlace }: Seq2SeqConfig,
  layer: TargetLayer,
  index: number,
  step: TargetStep,
  x: Buffer,
): Buffer {
  const isBefore = normPlace === 'before'
  const block = (name: string, role: TargetRole, input: Buffer, write: (x: Buffer, residual: Buffer) => Buffer): Buffer => {
    const output = write(isBefore ? writer.norm(name, role, input, norm) : input, input)
    return isBefore ? output : writer.norm(name, role, output, norm)
  }
  // Both attentions use the same pools; every block belongs to one source or to targets.
  const type = kvPoolType(step.kvType, layer.heads, layer.headDim)
  const place = { hidden, keys: writer.builder.state(`k${index}`, type), values: writer.builder.state(`v${index}`, type) }
  const attended = block('attention_norm', 'attentionNorm', x, (y, residual) => selfAttention(writer, layer, place, step, y, residual))
  const looked = block('cross_norm', 'crossNorm', attended, (y, residual) => crossAttention(writer, layer, place, step, y, residual))
  return block('mlp_norm', 'mlpNorm', looked, (y, residual) => mlpBlock(writer, layer.mlp, hidden, y, residual))
}

interface Place {
  readonly hidden: number
  /** Pools of the layer. */
  readonly keys: Buffer
  readonly values: Buffer
}

function selfAttention(
  writer: BlockWriter<TargetRole>,
  layer: TargetLayer,
  { hidden, keys, values }: Place,
  { slots, own, bias }: TargetStep,
  x: Buffer,
  residual: Buffer,
): Buffer {
  const { heads, headDim, scale, hasQueryBias, hasKeyBias, hasOutputBias } = layer
  const b = writer.builder
  const size = heads * headDim
  const projections = [
    { role: 'q', size, hasBias: hasQueryBias },
    { role: 'k', size, hasBias: hasKeyBias },
    { role: 'v', size, hasBias: hasQueryBias },
  ] as const
  const [q, k, v] = writer.project('qkv', projections, x) as [Buffer, Buffer, Buffer]
  b.apply('kv_write', writer.name('kv_write'), [k, v, slots, keys, values], {})
  const operands = [q, keys, values, ...own, undefined, bias]
  const mixed = b.op('attention', writer.name('attention'), operands, { heads, kvHeads: heads, headDim, scale })
  return writer.residual('attention_output', { role: 'attentionOutput', size: hidden, hasBias: hasOutputBias }, mixed, residual)
}

function crossAttention(
  writer: BlockWriter<TargetRole>,
  layer: TargetLayer,
  { hidden, keys, values }: Place,
  { memory, memorySlots, cross }: TargetStep,
  x: Buffer,
  residual: Buffer,
): Buffer {
  const { heads, headDim, scale, hasQueryBias, hasKeyBias, hasOutputBias } = layer
  const b = writer.builder
  const size = heads * headDim
  const written = [
    { role: 'crossK', size, hasBias: hasKeyBias },
    { role: 'crossV', size, hasBias: hasQueryBias },
  ] as const
  const [k, v] = writer.project('cross_kv', written, memory) as [Buffer, Buffer]
  const [q] = writer.project('cross_q', [{ role: 'crossQ', size, hasBias: hasQueryBias }], x) as [Buffer]
  b.apply('kv_write', writer.name('cross_kv_write'), [k, v, memorySlots, keys, values], {})
  const operands = [q, keys, values, ...cross, undefined, undefined]
  const mixed = b.op('attention', writer.name('cross_attention'), operands, { heads, kvHeads: heads, headDim, scale, causal: false })
  return writer.residual('cross_output', { role: 'crossOutput', size: hidden, hasBias: hasOutputBias }, mixed, residual)
}

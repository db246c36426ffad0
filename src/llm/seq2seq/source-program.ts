import { type Buffer, boundDim, type Program, ProgramBuilder, productDim } from '../../program/index.ts'
import { BlockWriter, type WeightLocator } from '../block-writer.ts'
import { encoderLayer } from '../encoder/encoder-block.ts'
import { relativeBias } from './relative-bias.ts'
import { type Seq2SeqConfig, type SoundInput, soundTokens } from './seq2seq-config.ts'
import type { SourceRole } from './seq2seq-roles.ts'
import { textInput } from './text-input.ts'

export interface SourceProgramOptions {
  /** Makes intermediate results outputs as well: `embeddings`, `layer0` …. */
  readonly hasTaps?: boolean
}

/**
 * The encoder over any number of sources, packed one after the other.
 *
 * Inputs of texts: `tokens` and, where there is a table of positions, `positions`, i32 `[T]`. Of sounds: `features` f32 `[B,
 * 1, frames, mels]`. Of both: `starts` i32 `[S1]`, where each source's vectors begin and the last's end. Output: `memory`
 * `[T, hidden]`, where a sound has half as many vectors as frames.
 */
export function sourceProgram(config: Seq2SeqConfig, locate: WeightLocator<SourceRole>, options: SourceProgramOptions): Program {
  const { hidden, norm, normPlace, encoder } = config
  const b = new ProgramBuilder(`${config.architecture} encoder`)
  const writer = new BlockWriter<SourceRole>({ builder: b, locate, hasTaps: options.hasTaps ?? false })
  const { input } = encoder
  let x = input.kind === 'tokens' ? textInput(writer, input, config).x : soundInput(writer, input, hidden)
  const bias = encoder.relativeBias ? relativeBias(writer, encoder.relativeBias, encoder.layers[0]!.heads, true) : undefined
  const step = { starts: b.input('starts', 'i32', [boundDim('S1')]), turns: [], bias }
  for (const [index, layer] of encoder.layers.entries()) {
    x = encoderLayer(writer.at(`layer${index}`, index), { hidden, norm, normPlace, isCausal: false }, layer, step, x)
    // Where no norm follows, the last layer is the output itself.
    if (encoder.hasFinalNorm || index + 1 < encoder.layers.length) writer.tap(`layer${index}`, x)
  }
  if (encoder.hasFinalNorm) x = writer.norm('final_norm', 'finalNorm', x, norm)
  b.output('memory', x)
  return b.build()
}

/** Two convolutions along time with activations, then positions: `[B · frames / 2, hidden]`. */
function soundInput(writer: BlockWriter<SourceRole>, input: SoundInput, hidden: number): Buffer {
  const b = writer.builder
  const B = boundDim('B')
  const features = b.input('features', 'f32', [B, 1, input.frames, input.mels])
  const convolve = (role: 'conv1' | 'conv2', x: Buffer, stride: number): Buffer => {
    const channels = x.shape.at(-1) as number
    const weight = b.weight({ ...writer.source(role), transpose: true, fileShape: [hidden, channels, 3] }, [hidden, 1, 3, channels])
    const attributes = { strides: [1, stride], pads: [0, 1, 0, 1], activation: 'gelu' } as const
    return b.op('conv', role, [x, weight, writer.bias(role, hidden), undefined], attributes)
  }
  const tokens = soundTokens(input)
  const heard = b.view(convolve('conv2', convolve('conv1', features, 1), 2), [B, tokens, hidden])
  const placed = writer.add('placed', heard, writer.weight('positions', [tokens, hidden]))
  return b.view(placed, [productDim(B, tokens), hidden])
}

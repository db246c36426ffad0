import { type Buffer, boundDim, type Program, ProgramBuilder, productDim } from '../../program/index.ts'
import { BlockWriter, type WeightLocator } from '../block-writer.ts'
import { encoderLayer } from './encoder-block.ts'
import { type PatchEmbeddings, patchTokens, type TokenEmbeddings, type TowerConfig } from './encoder-config.ts'
import type { EncoderRole } from './encoder-roles.ts'
import { writeHead } from './head.ts'

export interface TowerProgramOptions {
  readonly name: string
  /** Makes intermediate results outputs as well: `embeddings`, `layer0.q` …, `layer0` and so on, but for a last layer that is `hidden`. */
  readonly hasTaps?: boolean
}

/**
 * The forward pass of an encoder over any number of texts or pictures, packed one after the other.
 *
 * Inputs of texts, all i32: `tokens`, `positions` and `types` `[T]`, as far as the tower has a use for them. Of pictures:
 * `pixels` f32 `[B, channels, size, size]`. Of both: `starts` i32 `[S1]`, where each begins and the last ends, and what the
 * head takes. Outputs: `hidden` `[T, hidden]` and, where there is a head, `head`.
 */
export function towerProgram(config: TowerConfig, locate: WeightLocator<EncoderRole>, options: TowerProgramOptions): Program {
  const { embeddings, norm, normPlace, layers, ropes, head } = config
  const b = new ProgramBuilder(options.name)
  const writer = new BlockWriter<EncoderRole>({ builder: b, locate, hasTaps: options.hasTaps ?? false })
  const hasPositions = embeddings.kind === 'tokens' && (embeddings.positionOffset !== undefined || ropes.length > 0)
  const positions = hasPositions ? b.input('positions', 'i32', [boundDim('T')]) : undefined
  let x =
    embeddings.kind === 'tokens'
      ? tokenEmbeddings(writer, config.hidden, embeddings, positions)
      : patchEmbeddings(writer, config.hidden, embeddings)
  if (embeddings.hasNorm) x = writer.norm('embedding_norm', 'embeddingNorm', x, norm)
  writer.tap('embeddings', x)
  const turns = ropes.map(({ frequencies }, i) => {
    const constant = b.constant(`rope_frequencies${i}`, { dtype: 'f32', shape: [frequencies.length] }, frequencies)
    return b.op('rotary_table', `rotary_table${i}`, [positions, constant], {})
  })
  const hasFinalNorm = normPlace === 'before' && !head?.hasPooledNorm
  const step = { starts: b.input('starts', 'i32', [boundDim('S1')]), turns }
  for (const [index, layer] of layers.entries()) {
    x = encoderLayer(writer.at(`layer${index}`, index), config, layer, step, x)
    if (index + 1 < layers.length || hasFinalNorm) writer.tap(`layer${index}`, x)
  }
  if (hasFinalNorm) x = writer.norm('final_norm', 'finalNorm', x, norm)
  if (head) writeHead(writer, config, head, x)
  b.output('hidden', x)
  return b.build()
}

function tokenEmbeddings(
  writer: BlockWriter<EncoderRole>,
  hidden: number,
  { vocabulary, context, positionOffset, types }: TokenEmbeddings,
  positions: Buffer | undefined,
): Buffer {
  const b = writer.builder
  const tokens = b.input('tokens', 'i32', [boundDim('T')])
  let x = b.op('gather', 'token_embeddings', [writer.weight('embedding', [vocabulary, hidden]), tokens], {})
  if (types > 0) {
    const typeTable = writer.weight('types', [types, hidden])
    x = writer.add('typed', x, b.op('gather', 'type_embeddings', [typeTable, b.input('types', 'i32', [boundDim('T')])], {}))
  }
  if (positionOffset === undefined) return x
  const source = writer.source('positions')
  const rows = positionOffset > 0 ? { rows: [positionOffset, positionOffset + context] as const } : {}
  const table = b.weight({ ...source, ...rows }, [context, hidden])
  return writer.add('placed', x, b.op('gather', 'position_embeddings', [table, positions], {}))
}

/** Pictures cut into squares `[B · P, channels · size²]`, mapped, with the class in front and the places added. */
function patchEmbeddings(writer: BlockWriter<EncoderRole>, hidden: number, embeddings: PatchEmbeddings): Buffer {
  const { channels, imageSize, patchSize, hasBias, isNested } = embeddings
  const b = writer.builder
  const B = boundDim('B')
  const tokens = patchTokens(embeddings)
  const [side, squares] = [Math.floor(imageSize / patchSize), tokens - 1]
  const pixels = b.input('pixels', 'f32', [B, channels, imageSize, imageSize])
  const width = channels * patchSize * patchSize
  const cut = {
    input: 0,
    shape: [B, side, side, channels, patchSize, patchSize],
    inputStrides: [channels * imageSize ** 2, patchSize * imageSize, patchSize, imageSize ** 2, imageSize, 1],
    outputStrides: [squares * width, side * width, width, patchSize * patchSize, patchSize, 1],
  }
  const rows = b.op('copy', 'squares', [pixels], { shape: [productDim(B, squares), width], parts: [cut] })
  const weight = b.weight({ ...writer.source('patches'), fileShape: [hidden, channels, patchSize, patchSize] }, [hidden, width])
  const bias = hasBias ? writer.bias('patches', hidden) : undefined
  const mapped = b.op('matmul', 'patches', [rows, undefined, undefined, weight, bias], {})
  const first = b.weight({ ...writer.source('class'), fileShape: isNested ? [1, 1, hidden] : [hidden] }, [hidden])
  const parts = [
    { input: 1, shape: [B, hidden], inputStrides: [0, 1], outputStrides: [tokens * hidden, 1] },
    {
      input: 0,
      shape: [B, squares * hidden],
      inputStrides: [squares * hidden, 1],
      outputOffset: hidden,
      outputStrides: [tokens * hidden, 1],
    },
  ]
  const joined = b.op('copy', 'with_class', [mapped, first], { shape: [B, tokens, hidden], parts })
  const places = b.weight({ ...writer.source('positions'), fileShape: isNested ? [1, tokens, hidden] : [tokens, hidden] }, [tokens, hidden])
  return b.view(writer.add('placed', joined, places), [productDim(B, tokens), hidden])
}

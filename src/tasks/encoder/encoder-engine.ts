import {
  type ElementType,
  HenceError,
  type ModelValue,
  median,
  type ProfiledStep,
  type ProfileOptions,
  type Tensor,
  type TensorProfile,
  tensor,
} from '../../core/index.ts'
import type { OnnxType, OnnxValueInfo } from '../../formats/index.ts'
import type { EncoderSource, StartedEncoder, TextTower, TowerConfig, TowerText } from '../../llm/index.ts'
import type { TensorEngine } from '../tensor-model.ts'
import type { ModelFiles } from './model-files.ts'
import { normalised, rowsOf } from './rows.ts'
import { openSentenceModules, type SentenceModules } from './sentence-modules.ts'

const WARM_UPS = 2
const DEFAULT_RUNS = 10

/** What instructions of each tower took, added up. */
interface Seconds {
  readonly text?: Float64Array
  readonly image?: Float64Array
}

/** Runs an encoder behind named tensors, as exports of the same model have them. */
export class EncoderEngine implements TensorEngine {
  readonly inputs: readonly OnnxValueInfo[]
  readonly optionalInputs: readonly OnnxValueInfo[]
  readonly outputs: readonly string[]
  readonly encoder: StartedEncoder
  readonly files: ModelFiles
  #sentence: Promise<SentenceModules> | undefined

  constructor(encoder: StartedEncoder, files: ModelFiles) {
    this.encoder = encoder
    this.files = files
    const { inputs, optionalInputs, outputs } = encoderValues(encoder.source)
    this.inputs = inputs
    this.optionalInputs = optionalInputs
    this.outputs = outputs.map(({ name }) => name)
  }

  async run(
    inputs: ReadonlyMap<string, ModelValue>,
    signal: AbortSignal,
    seconds: Seconds = {},
  ): Promise<readonly (ModelValue | undefined)[]> {
    const { text, image, source } = this.encoder
    const ids = inputs.get('input_ids') as Tensor<'i64'> | undefined
    const pixels = inputs.get('pixel_values') as Tensor<'f32'> | undefined
    if (!ids && !pixels) throw new HenceError('OPTION_INVALID', 'run: input_ids or pixel_values is needed', { inputs: this.#names() })
    const results: Record<string, ModelValue> = {}
    const isPair = text !== undefined && image !== undefined
    if (ids && text) Object.assign(results, await this.#texts(text, ids, inputs, { signal, seconds: seconds.text }, isPair))
    if (pixels && image) {
      const count = pixels.shape[0]!
      const { hidden, head } = await image.run(pixels.data, { signal, seconds: seconds.image })
      if (isPair) results['image_embeds'] = tensor('f32', [count, image.headSize], normalised(head, image.headSize))
      else {
        results['last_hidden_state'] = tensor('f32', [count, image.tokens, image.config.hidden], hidden)
        if (image.config.head) results[headName(image.config)] = tensor('f32', [count, image.headSize], head)
      }
    }
    const [texts, pictures] = [results['text_embeds'], results['image_embeds']] as (Tensor<'f32'> | undefined)[]
    if (texts && pictures) {
      results['logits_per_image'] = similarities(pictures, texts, source.logitScale)
      results['logits_per_text'] = similarities(texts, pictures, source.logitScale)
    }
    return this.outputs.map(name => results[name])
  }

  /** Times of every instruction of the towers that the inputs lead through, medians over the runs. */
  async profile(inputs: ReadonlyMap<string, ModelValue>, { runs = DEFAULT_RUNS, signal }: ProfileOptions): Promise<TensorProfile> {
    const { text, image } = this.encoder
    const towers = [
      ...(text && inputs.has('input_ids') ? [['text', text] as const] : []),
      ...(image && inputs.has('pixel_values') ? [['image', image] as const] : []),
    ]
    const all: { ms: number; seconds: Record<string, Float64Array> }[] = []
    for (let i = 0; i < WARM_UPS + runs; i++) {
      const seconds = Object.fromEntries(
        towers.map(([name, tower]) => [name, new Float64Array(tower.executable.program.instructions.length)]),
      )
      const start = performance.now()
      await this.run(inputs, signal ?? new AbortController().signal, seconds)
      if (i >= WARM_UPS) all.push({ ms: performance.now() - start, seconds })
    }
    const totals = all.map(({ ms }) => ms)
    const ms = median(totals)
    const steps: ProfiledStep[] = []
    for (const [number, [name, { executable }]] of towers.entries()) {
      const { program } = executable
      for (const [i, { op, outputs }] of program.instructions.entries()) {
        const own = median(all.map(one => one.seconds[name]![i]! * 1000))
        steps.push({
          kind: 'instruction',
          op,
          name: program.buffers[outputs[0] ?? -1]?.name ?? '',
          program: number,
          ms: own,
          share: own / ms,
          runs: 1,
        })
      }
    }
    const arena = towers.reduce((sum, [, { executable }]) => sum + executable.arenaBytes, 0)
    return {
      runs,
      ms,
      fastestMs: Math.min(...totals),
      slowestMs: Math.max(...totals),
      arena: { plannedBytes: arena, usedBytes: arena },
      steps,
    }
  }

  /** What turns vectors of tokens into one of a text. @throws HenceError about the files that say so */
  sentence(): Promise<SentenceModules> {
    this.#sentence ??= openSentenceModules(this.files, this.encoder)
    return this.#sentence
  }

  dispose(): void {
    void this.#sentence?.then(
      modules => modules.dispose(),
      () => undefined,
    )
    this.encoder.dispose()
  }

  async #texts(
    tower: TextTower,
    ids: Tensor<'i64'>,
    inputs: ReadonlyMap<string, ModelValue>,
    options: { readonly signal: AbortSignal; readonly seconds: Float64Array | undefined },
    isPair: boolean,
  ): Promise<Record<string, ModelValue>> {
    const [count, length] = ids.shape as [number, number]
    const spans = spansOf(ids, inputs.get('attention_mask') as Tensor<'i64'> | undefined)
    const types = inputs.get('token_type_ids') as Tensor<'i64'> | undefined
    const slice = ({ data }: Tensor<'i64'>, row: number, [begin, end]: readonly [number, number]): Int32Array =>
      Int32Array.from(data.subarray(row * length + begin, row * length + end), Number)
    const filled = spans.flatMap((span, row) => (span[1] > span[0] ? [{ row, span }] : []))
    const texts = filled.map(
      ({ row, span }): TowerText => ({
        tokens: slice(ids, row, span),
        types: types && slice(types, row, span),
        // Positions are columns, but for families that count tokens.
        position: (tower.embeddings.positionOffset ?? 1) > 0 ? 0 : span[0],
        rows: true,
      }),
    )
    const results = await tower.run(texts, { hidden: !isPair, ...options })
    const { hidden, head } = tower.config
    if (isPair) {
      const embeds = new Float32Array(count * tower.headSize)
      for (const [i, { row }] of filled.entries()) embeds.set(results[i]!.head, row * tower.headSize)
      return { text_embeds: tensor('f32', [count, tower.headSize], normalised(embeds, tower.headSize)) }
    }
    const perToken = (size: number, take: (i: number) => Float32Array): Tensor<'f32'> => {
      const values = tensor('f32', [count, length, size])
      for (const [i, { row, span }] of filled.entries()) values.data.set(take(i), (row * length + span[0]) * size)
      return values
    }
    const outputs: Record<string, ModelValue> = { last_hidden_state: perToken(hidden, i => results[i]!.hidden!) }
    if (!head) return outputs
    if (head.pooling === 'tokens') outputs[headName(tower.config)] = perToken(tower.headSize, i => results[i]!.head)
    else {
      const values = tensor('f32', [count, tower.headSize])
      for (const [i, { row }] of filled.entries()) values.data.set(results[i]!.head, row * tower.headSize)
      outputs[headName(tower.config)] = values
    }
    return outputs
  }

  #names(): string[] {
    return [...this.inputs, ...this.optionalInputs].map(({ name }) => name)
  }
}

/** Named values of an encoder. Inputs of a model of texts and pictures may each be left out. */
export function encoderValues({ text, image }: EncoderSource): {
  readonly inputs: readonly OnnxValueInfo[]
  readonly optionalInputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
} {
  const value = (name: string, dtype: ElementType, shape: readonly (number | string)[]): OnnxValueInfo => ({
    name,
    type: { kind: 'tensor', dtype, shape } as OnnxType,
  })
  const tokens = (name: string): OnnxValueInfo => value(name, 'i64', ['batch', 'sequence'])
  const typed = text?.config.embeddings.kind === 'tokens' && text.config.embeddings.types > 0 ? [tokens('token_type_ids')] : []
  const picture = image?.config.embeddings.kind === 'patches' ? image.config.embeddings : undefined
  const pixels = picture
    ? [value('pixel_values', 'f32', [text ? 'pictures' : 'batch', picture.channels, picture.imageSize, picture.imageSize])]
    : []
  if (text && image) {
    const size = text.config.head!.output!.size
    return {
      inputs: [],
      optionalInputs: [tokens('input_ids'), tokens('attention_mask'), ...pixels],
      outputs: [
        value('text_embeds', 'f32', ['batch', size]),
        value('image_embeds', 'f32', ['pictures', size]),
        value('logits_per_image', 'f32', ['pictures', 'batch']),
        value('logits_per_text', 'f32', ['batch', 'pictures']),
      ],
    }
  }
  const tower = (text ?? image)!.config
  const { hidden, head } = tower
  const length = picture ? Math.floor(picture.imageSize / picture.patchSize) ** 2 + 1 : 'sequence'
  const headShape = head?.pooling === 'tokens' ? ['batch', length] : ['batch']
  return {
    inputs: text ? [tokens('input_ids')] : pixels,
    optionalInputs: text ? [tokens('attention_mask'), ...typed] : [],
    outputs: [
      value('last_hidden_state', 'f32', ['batch', length, hidden]),
      ...(head ? [value(headName(tower), 'f32', [...headShape, head.output?.size ?? hidden])] : []),
    ],
  }
}

function headName({ head }: Pick<TowerConfig, 'head'>): string {
  return head?.kind === 'pooler' ? 'pooler_output' : 'logits'
}

/** Where each row's tokens begin and end: the ones of the mask, which must lie together. */
function spansOf(ids: Tensor<'i64'>, mask: Tensor<'i64'> | undefined): (readonly [number, number])[] {
  const [count, length] = ids.shape as [number, number]
  return Array.from({ length: count }, (_, row) => {
    if (!mask) return [0, length] as const
    const ones = Array.from(mask.data.subarray(row * length, (row + 1) * length), Number)
    const begin = Math.max(
      0,
      ones.findIndex(one => one !== 0),
    )
    const end = ones.findLastIndex(one => one !== 0) + 1
    if (ones.slice(begin, end).includes(0))
      throw new HenceError('OPTION_INVALID', `run: row ${row} of attention_mask has zeros between its ones`, { row })
    return [begin, end] as const
  })
}

/** scale · a · bᵀ for rows of length one. */
function similarities(a: Tensor<'f32'>, b: Tensor<'f32'>, scale: number): Tensor<'f32'> {
  const width = a.shape[1]!
  const [rows, columns] = [rowsOf(a.data, width), rowsOf(b.data, width)]
  const result = tensor('f32', [rows.length, columns.length])
  let at = 0
  for (const row of rows)
    for (const column of columns) {
      let sum = 0
      for (let d = 0; d < width; d++) sum += row[d]! * column[d]!
      result.data[at++] = sum * scale
    }
  return result
}

import { HenceError, type TensorModel } from '../../core/index.ts'
import type { HeadConfig } from '../../llm/index.ts'
import type { Encoding, Tokenizer } from '../../text/index.ts'
import { EngineModel } from '../tensor-model.ts'
import { EncoderEngine } from './encoder-engine.ts'
import type { ModelFiles } from './model-files.ts'
import { encodeTexts, type TextInput, type TextOptions } from './text-input.ts'

/** What is wanted of each text. */
export interface Wanted {
  /** The vectors of all tokens. */
  readonly hidden?: boolean
  /** Rows of the head: indices of tokens for a head that works on tokens, else whether it runs. */
  readonly rows?: (encoding: Encoding) => readonly number[] | boolean
}

/** What a model makes of a text. */
export interface EncodedText {
  readonly encoding: Encoding
  /** `[tokens, width]` where asked for; empty otherwise. */
  readonly hidden: Float32Array
  /** `[rows, size]`; empty where no rows were asked for. */
  readonly head: Float32Array
}

/** Texts that one call of the backend gets at most; results are taken in between. */
const GROUP = 128

/** A model that turns texts into vectors, with what lies beside it. */
export class TextEncoder {
  readonly task: string
  readonly model: EngineModel<EncoderEngine>
  readonly files: ModelFiles
  readonly tokenizer: Tokenizer

  private constructor(task: string, model: EngineModel<EncoderEngine>, tokenizer: Tokenizer) {
    this.task = task
    this.model = model
    this.files = model.engine.files
    this.tokenizer = tokenizer
  }

  /** @throws HenceError `OPTION_INVALID` when the model reads no texts, `TOKENIZER_MISSING` */
  static async of(task: string, model: TensorModel): Promise<TextEncoder> {
    const encoder = encoderOf(task, model)
    if (!encoder.engine.encoder.text) throw new HenceError('OPTION_INVALID', `${task}: the model reads pictures, not texts`, { task })
    return new TextEncoder(task, encoder, await encoder.engine.files.tokenizer())
  }

  get #tower() {
    return this.model.engine.encoder.text!
  }

  /** Numbers of a token's vector. */
  get width(): number {
    return this.#tower.config.hidden
  }

  /** Numbers of a row of the head. */
  get headSize(): number {
    return this.#tower.headSize
  }

  get head(): HeadConfig | undefined {
    return this.#tower.config.head
  }

  /** Most tokens of a text. */
  async context(): Promise<number> {
    const stated = (await this.files.json('tokenizer_config.json'))?.['model_max_length']
    const { context } = this.#tower.embeddings
    return typeof stated === 'number' && stated >= 1 ? Math.min(context, Math.floor(stated)) : context
  }

  /** Reads texts and gives them to `take` in order, some at a time. */
  async each(
    inputs: readonly TextInput[],
    options: TextOptions & { readonly most?: number },
    wanted: Wanted,
    take: (text: EncodedText, index: number) => void,
  ): Promise<void> {
    const most = Math.min(await this.context(), options.most ?? Number.POSITIVE_INFINITY)
    await this.model.whileAlive(options, async signal => {
      for (let at = 0; at < inputs.length; at += GROUP) {
        const { onTruncation } = options
        const group = inputs.slice(at, at + GROUP)
        const told = onTruncation && {
          onTruncation: (cut: Parameters<typeof onTruncation>[0]) => onTruncation({ ...cut, index: at + cut.index }),
        }
        const encodings = encodeTexts(this.task, this.tokenizer, group, most, { ...options, ...told })
        const texts = encodings.map(encoding => ({ tokens: encoding.ids, types: this.#typesOf(encoding), rows: wanted.rows?.(encoding) }))
        const results = await this.#tower.run(texts, { hidden: wanted.hidden, signal })
        for (const [i, { hidden, head }] of results.entries())
          take({ encoding: encodings[i]!, hidden: hidden ?? new Float32Array(0), head }, at + i)
      }
    })
  }

  /** Tokenizers may count more types than a model has. */
  #typesOf({ typeIds }: Encoding): readonly number[] | undefined {
    const { types } = this.#tower.embeddings
    return types > 1 ? typeIds : undefined
  }
}

/** The engine behind a model when it is an encoder. @throws HenceError `OPTION_INVALID` otherwise, naming the task */
export function encoderOf(task: string, model: TensorModel): EngineModel<EncoderEngine> {
  if (model instanceof EngineModel && model.engine instanceof EncoderEngine) return model as EngineModel<EncoderEngine>
  throw new HenceError('OPTION_INVALID', `${task}: the model is no encoder`, {
    task,
    kind: Object(model).kind,
    hint: 'Load the folder of a bert, roberta, xlm-roberta, modernbert, vit or clip model.',
  })
}

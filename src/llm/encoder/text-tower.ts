import { HenceError, throwIfAborted } from '../../core/index.ts'
import { type Program, planMemory } from '../../program/index.ts'
import type { HeadConfig, TokenEmbeddings, TowerConfig } from './encoder-config.ts'
import { type CompileTowerOptions, numbersOf, type TurnOptions, Turns } from './tower.ts'
import { type TowerSource, writeTower } from './tower-source.ts'

/** One text for a tower. */
export interface TowerText {
  readonly tokens: ArrayLike<number>
  /** Types of the tokens, all 0 by default. */
  readonly types?: ArrayLike<number> | undefined
  /** Position of the first token; 0 by default. */
  readonly position?: number | undefined
  /**
   * The rows of the head: indices of tokens for a head that works on tokens, else whether it runs. None by default.
   */
  readonly rows?: readonly number[] | boolean | undefined
}

/** What a tower makes of a text. */
export interface TowerResult {
  /** `[tokens, hidden]`, where asked for. */
  readonly hidden: Float32Array | undefined
  /** `[rows, size]`. */
  readonly head: Float32Array
}

export interface TowerRunOptions extends TurnOptions {
  /** Gives the vectors of all tokens. */
  readonly hidden?: boolean | undefined
}

/** Tokens and texts of one step at most; a longer text has a step to itself. */
const STEP_TOKENS = 2_048
const STEP_TEXTS = 256
/** Bytes of a head's results in one step at most, unless one row is larger. */
const STEP_HEAD_BYTES = 256 * 2 ** 20

/** A part of a text that one step computes: all of its tokens, some of its rows. */
interface Slice {
  readonly index: number
  readonly text: TowerText
  readonly rows: readonly number[]
}

/** A text tower ready to run: texts of any lengths packed one after the other, without padding. */
export class TextTower {
  readonly config: TowerConfig
  readonly embeddings: TokenEmbeddings
  /** Numbers of a row of the head; 0 without one. */
  readonly headSize: number
  readonly #turns: Turns
  readonly #limits: TowerLimits
  readonly #endToken: number | undefined

  private constructor(source: TowerSource, turns: Turns, limits: TowerLimits, endToken: number | undefined) {
    this.config = source.config
    this.embeddings = source.config.embeddings as TokenEmbeddings
    this.headSize = headSizeOf(source.config)
    this.#turns = turns
    this.#limits = limits
    this.#endToken = endToken
  }

  /** @param endToken - what a head that works on the end token looks for */
  static async compile(
    source: TowerSource,
    options: CompileTowerOptions & { readonly hasTaps?: boolean; readonly endToken?: number | undefined },
  ): Promise<TextTower> {
    const program = writeTower(source, options)
    const limits = limitsOf(source.config)
    return new TextTower(source, await Turns.compile(source, program, dimLimits(limits), options), limits, options.endToken)
  }

  get executable(): Turns['executable'] {
    return this.#turns.executable
  }

  /** Memory of one step's intermediate results, planned. */
  static arenaBytes(program: Program, config: TowerConfig): number {
    return planMemory(program, dimLimits(limitsOf(config))).arenaBytes
  }

  /** @throws HenceError `CONTEXT_OVERFLOW`, `OPTION_INVALID` (no tokens, ids outside the vocabulary), `ABORTED` */
  async run(texts: readonly TowerText[], options: TowerRunOptions = {}): Promise<TowerResult[]> {
    const hidden = new Array<Float32Array | undefined>(texts.length)
    const heads: Float32Array[][] = texts.map(() => [])
    for (const text of texts) this.#check(text)
    for (const step of this.#steps(texts)) {
      throwIfAborted(options.signal)
      const isWanted = options.hidden ?? false
      await this.#step(step, options, (at, vectors, rows) => {
        if (isWanted) hidden[at.index] ??= vectors().slice()
        heads[at.index]!.push(rows.slice())
      })
    }
    return texts.map((_, i) => ({ hidden: hidden[i], head: joined(heads[i]!) }))
  }

  /** Every output of one step of `texts`, taps among them. */
  async runStep(texts: readonly TowerText[]): Promise<Record<string, Float32Array>> {
    const slices = texts.map((text, index) => ({ index, text, rows: this.#rowsOf(text) }))
    const { inputs, dims } = this.#bind(slices)
    return this.#turns.run(inputs, dims, outputs =>
      Object.fromEntries(Object.keys(outputs).map(name => [name, numbersOf(outputs, name).slice()])),
    )
  }

  dispose(): void {
    this.#turns.dispose()
  }

  #check({ tokens, types, position = 0 }: TowerText): void {
    const { vocabulary, context, types: typeCount } = this.embeddings
    if (tokens.length === 0) throw new HenceError('OPTION_INVALID', 'a text has no tokens')
    if (tokens.length + position > context)
      throw new HenceError('CONTEXT_OVERFLOW', `a text has ${tokens.length + position} tokens, the model takes ${context}`, {
        tokens: tokens.length + position,
        context,
        hint: 'Shorten the text, or leave truncation on.',
      })
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!
      if (!(Number.isInteger(token) && token >= 0 && token < vocabulary))
        throw new HenceError('OPTION_INVALID', `token ${i} is ${token}, the vocabulary has ${vocabulary}`, { token, vocabulary })
      const type = types?.[i] ?? 0
      if (!(Number.isInteger(type) && type >= 0 && type < Math.max(1, typeCount)))
        throw new HenceError('OPTION_INVALID', `token ${i} has the type ${type}, the model knows ${typeCount}`, { type, types: typeCount })
    }
  }

  #rowsOf(text: TowerText): readonly number[] {
    const { head } = this.config
    if (!head || text.rows === undefined || text.rows === false) return []
    if (head.pooling !== 'tokens') return [head.pooling === 'end' ? this.#endOf(text) : 0]
    return text.rows === true ? Array.from(text.tokens, (_, i) => i) : text.rows
  }

  /** The first end token, as models with this head were trained; the last token without one. */
  #endOf({ tokens }: TowerText): number {
    const found = this.#endToken === undefined ? -1 : Array.prototype.indexOf.call(tokens, this.#endToken)
    return found >= 0 ? found : tokens.length - 1
  }

  #steps(texts: readonly TowerText[]): Slice[][] {
    const steps: Slice[][] = []
    let [tokens, rows] = [0, 0]
    for (const [index, text] of texts.entries()) {
      const wanted = this.#rowsOf(text)
      for (let at = 0; at === 0 || at < wanted.length; at += this.#limits.rows) {
        const part = wanted.slice(at, at + this.#limits.rows)
        const last = steps.at(-1)
        const fits =
          tokens + text.tokens.length <= this.#limits.tokens && rows + part.length <= this.#limits.rows && (last?.length ?? 0) < STEP_TEXTS
        if (!last || !fits) {
          steps.push([])
          ;[tokens, rows] = [0, 0]
        }
        steps.at(-1)!.push({ index, text, rows: part })
        tokens += text.tokens.length
        rows += part.length
      }
    }
    return steps
  }

  async #step(
    slices: readonly Slice[],
    options: TurnOptions,
    take: (slice: Slice, hidden: () => Float32Array, head: Float32Array) => void,
  ): Promise<void> {
    const { hidden } = this.config
    const { inputs, dims } = this.#bind(slices)
    await this.#turns.run(
      inputs,
      dims,
      outputs => {
        const head = this.headSize > 0 ? numbersOf(outputs, 'head') : new Float32Array(0)
        let [token, row] = [0, 0]
        for (const slice of slices) {
          const [end, rowEnd] = [token + slice.text.tokens.length, row + slice.rows.length]
          const begin = token
          take(
            slice,
            () => numbersOf(outputs, 'hidden').subarray(begin * hidden, end * hidden),
            head.subarray(row * this.headSize, rowEnd * this.headSize),
          )
          ;[token, row] = [end, rowEnd]
        }
      },
      options,
    )
  }

  #bind(slices: readonly Slice[]) {
    const T = slices.reduce((sum, { text }) => sum + text.tokens.length, 0)
    const L = slices.reduce((sum, { rows }) => sum + rows.length, 0)
    const [tokens, positions, types, rows] = [new Int32Array(T), new Int32Array(T), new Int32Array(T), new Int32Array(L)]
    const starts = new Int32Array(slices.length + 1)
    const isMean = this.config.head?.pooling === 'mean'
    const shares = new Float32Array(isMean ? L * T : 0)
    let [t, l] = [0, 0]
    for (const [s, { text, rows: wanted }] of slices.entries()) {
      const count = text.tokens.length
      for (const row of wanted) {
        if (isMean) shares.fill(1 / count, l * T + t, l * T + t + count)
        rows[l++] = t + row
      }
      for (let i = 0; i < count; i++, t++) {
        tokens[t] = text.tokens[i]!
        positions[t] = (text.position ?? 0) + i
        types[t] = text.types?.[i] ?? 0
      }
      starts[s + 1] = t
    }
    return { inputs: { tokens, positions, types, starts, rows, shares }, dims: this.#dims(T, slices.length, L) }
  }

  #dims(T: number, S: number, L: number): Record<string, number> {
    return this.config.head ? { T, S1: S + 1, L } : { T, S1: S + 1 }
  }
}

interface TowerLimits {
  readonly tokens: number
  readonly texts: number
  readonly rows: number
}

function limitsOf(config: TowerConfig): TowerLimits {
  const { context } = config.embeddings as TokenEmbeddings
  const tokens = Math.max(STEP_TOKENS, context)
  const mostRows = Math.floor(STEP_HEAD_BYTES / (4 * Math.max(1, headSizeOf(config))))
  return { tokens, texts: STEP_TEXTS, rows: Math.max(1, Math.min(tokens, mostRows)) }
}

function dimLimits({ tokens, texts, rows }: TowerLimits): Record<string, number> {
  return { T: tokens, S1: texts + 1, L: rows }
}

/** Numbers of a row of a tower's head. */
export function headSizeOf({ hidden, head }: { readonly hidden: number; readonly head: HeadConfig | undefined }): number {
  return head ? (head.output?.size ?? hidden) : 0
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

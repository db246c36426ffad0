import { HenceError } from '../core/index.ts'
import { type AddedToken, AddedTokenMatcher } from './added-tokens.ts'
import { type AlignedText, alignedText, originOf, sliceAligned } from './aligned-text.ts'
import { assembleEncoding, withoutSpecial } from './assemble.ts'
import { byteTokenText } from './bpe.ts'
import type { Decoding } from './decoders.ts'
import { Detokenizer, TokenBytes } from './detokenizer.ts'
import type { Encoding, Offset, TracedText } from './encoding.ts'
import type { Normalizer } from './normalizer.ts'
import { type Padding, padEncodings } from './padding.ts'
import { addedTokens, type PostProcessor } from './post-processors.ts'
import type { Segmenter } from './segmenter.ts'
import type {
  DecodeOptions,
  EncodeOptions,
  EncodeTextsOptions,
  SpecialIds,
  StreamDetokenizer,
  StreamOptions,
  Texts,
  Tokenizer,
} from './tokenizer.ts'
import { trimOffsets } from './trim-offsets.ts'
import { type Truncation, truncateTexts } from './truncation.ts'

/** The steps of a tokenizer, in the order text meets them. */
export interface PipelineParts {
  readonly tokens: readonly (string | undefined)[]
  readonly added: readonly AddedToken[]
  readonly normalizer?: Normalizer | undefined
  readonly segmenter: Segmenter
  readonly processor: PostProcessor
  readonly decoding: Decoding
  /** Ids whose text is shown as it stands. */
  readonly verbatim: ReadonlySet<number>
  readonly special: SpecialIds
  /** What the file says about lengths. */
  readonly truncation?: Truncation | undefined
  readonly padding?: Padding | undefined
}

/** Matchers for one choice of `parseSpecial`. */
interface Matchers {
  readonly raw: AddedTokenMatcher
  readonly normalized: AddedTokenMatcher
}

/** Added tokens → normalizer → pieces → model → template, and back through the decoding. */
export class Pipeline implements Tokenizer {
  readonly vocabSize: number
  readonly special: SpecialIds
  readonly #parts: PipelineParts
  readonly #withSpecial: Matchers
  readonly #withoutSpecial: Matchers
  readonly #bytes: TokenBytes
  readonly #specialIds: ReadonlySet<number>

  constructor(parts: PipelineParts) {
    this.#parts = parts
    this.vocabSize = parts.tokens.length
    this.special = parts.special
    this.#withSpecial = matchersOf(parts.added, parts.normalizer)
    this.#withoutSpecial = matchersOf(
      parts.added.filter(token => !token.special),
      parts.normalizer,
    )
    this.#specialIds = new Set(parts.added.filter(token => token.special).map(token => token.id))
    this.#bytes = new TokenBytes({ tokens: parts.tokens, special: this.#specialIds, verbatim: parts.verbatim }, parts.decoding)
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const { processor, segmenter } = this.#parts
    const addSpecial = options.addSpecial ?? true
    const { raw, normalized } = this.#matchers(options)
    const out: number[] = addSpecial ? [...processor.frame.before] : []
    const push = (id: number): void => {
      out.push(id)
    }
    raw.split(
      wellFormed(text),
      (part, start) => {
        const clean = this.#normalize({ text: part }).text
        const atStart = start === 0 && this.#keepsStart(part, clean)
        normalized.split(clean, (piece, at) => segmenter.append(piece, atStart && at === 0, out), push)
      },
      push,
    )
    if (addSpecial) out.push(...processor.frame.after)
    return out
  }

  encodeWithOffsets(texts: Texts, options: EncodeTextsOptions = {}): Encoding {
    return this.encodeBatch([texts], options)[0]!
  }

  encodeBatch(batch: readonly Texts[], options: EncodeTextsOptions = {}): Encoding[] {
    const padding = this.#padding(options.padding)
    const encodings = batch.map(texts => this.#encodeTexts(texts, options))
    return padding ? padEncodings(encodings, padding) : encodings
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    return this.#detokenizer(options).all(ids)
  }

  tokenText(id: number): string {
    if (this.#specialIds.has(id)) return this.#parts.tokens[id] ?? ''
    const bytes = this.#bytes.of(id, false)
    try {
      return strictUtf8.decode(bytes)
    } catch {
      return Array.from(bytes, byteTokenText).join('')
    }
  }

  stream(options: StreamOptions = {}): StreamDetokenizer {
    return this.#detokenizer(options)
  }

  #encodeTexts(texts: Texts, options: EncodeTextsOptions): Encoding {
    const { processor, tokens } = this.#parts
    const [first, second] = typeof texts === 'string' ? [texts, undefined] : texts
    const wanted = second === undefined ? processor.single : processor.pair
    if (!wanted) throw new HenceError('OPTION_INVALID', 'the template of this tokenizer has no place for two texts', { texts: 2 })
    const parts = (options.addSpecial ?? true) ? wanted : withoutSpecial(wanted)
    const truncation = this.#truncation(options.truncation)
    const traced = [first, second].map(text => (text === undefined ? undefined : this.#trace(text, options)))
    const [a, b] = truncation
      ? truncateTexts(traced[0]!, traced[1], truncation, addedTokens(parts))
      : [[traced[0]!], traced[1] && [traced[1]]]
    const trim =
      (text: string) =>
      (window: TracedText): TracedText =>
        processor.trims.reduce((traced, { addsPrefixSpace }) => trimOffsets(traced, text, id => tokens[id] ?? '', addsPrefixSpace), window)
    return assembleEncoding(a.map(trim(first)), b?.map(trim(second ?? '')), parts)
  }

  #trace(text: string, options: EncodeOptions): TracedText {
    const { raw, normalized } = this.#matchers(options)
    const ids: number[] = []
    const offsets: Offset[] = []
    const words: number[] = []
    const added: (string | undefined)[] = []
    let word = -1
    const onPiece = (): void => {
      word++
    }
    const onToken = (id: number, begin: number, end: number): void => {
      ids.push(id)
      offsets.push([begin, end])
      words.push(word)
      added.push(undefined)
    }
    const onAdded = (id: number, begin: number, end: number, taken: string): void => {
      onPiece()
      onToken(id, begin, end)
      added[added.length - 1] = taken
    }
    const whole = alignedText(wellFormed(text))
    raw.split(
      whole.text,
      (part, start) => {
        const clean = this.#normalize(sliceAligned(whole, start, start + part.length))
        normalized.split(
          clean.text,
          (piece, at) => {
            const cut = sliceAligned(clean, at, at + piece.length)
            this.#parts.segmenter.trace({ ...cut, atStart: cut.origins?.begins[0] === 0 }, onPiece, onToken)
          },
          (id, begin, end) => onAdded(id, ...(originOf(clean, begin, end) ?? [0, 0]), clean.text.slice(begin, end)),
        )
      },
      (id, begin, end) => onAdded(id, begin, end, whole.text.slice(begin, end)),
    )
    return { ids, offsets, words, added }
  }

  #matchers(options: EncodeOptions): Matchers {
    return (options.parseSpecial ?? true) ? this.#withSpecial : this.#withoutSpecial
  }

  #normalize(source: AlignedText): AlignedText {
    return this.#parts.normalizer ? this.#parts.normalizer(source) : source
  }

  /** False when normalizing took the start of the text away; looked up only when the first characters differ. */
  #keepsStart(part: string, clean: string): boolean {
    if (!this.#parts.normalizer || part.charCodeAt(0) === clean.charCodeAt(0)) return true
    return this.#normalize(alignedText(part)).origins?.begins[0] === 0
  }

  #truncation(wanted: Truncation | boolean | undefined): Truncation | undefined {
    if (wanted !== true) return wanted || undefined
    if (this.#parts.truncation) return this.#parts.truncation
    throw new HenceError('OPTION_INVALID', 'the tokenizer file names no length for truncation: true; give { maxLength }', {})
  }

  #padding(wanted: Padding | boolean | undefined): Padding | undefined {
    if (wanted !== true) return wanted || undefined
    return this.#parts.padding ?? { id: this.special.pad ?? 0 }
  }

  #detokenizer({ skipSpecial = true, continues = false }: StreamOptions): Detokenizer {
    return new Detokenizer(this.#bytes, this.#parts.decoding, { skipSpecial, continues })
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function matchersOf(added: readonly AddedToken[], normalizer: Normalizer | undefined): Matchers {
  const raw = added.filter(token => !token.normalized || !normalizer)
  const normalized = added.filter(token => token.normalized && normalizer)
  return {
    raw: new AddedTokenMatcher(raw.map(token => [token.content, token] as const)),
    normalized: new AddedTokenMatcher(
      normalized.map(token => [normalizer ? normalizer({ text: token.content }).text : token.content, token] as const),
    ),
  }
}

/** Node 20 has it, the ES2023 library types do not. */
function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed()
}

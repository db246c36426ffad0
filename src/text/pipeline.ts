import { type AddedToken, AddedTokenMatcher } from './added-tokens.ts'
import { byteTokenText } from './bpe.ts'
import type { Decoding } from './decoders.ts'
import { Detokenizer, TokenBytes } from './detokenizer.ts'
import type { Normalizer } from './normalizers.ts'
import type { Frame } from './post-processors.ts'
import type { Segmenter } from './segmenter.ts'
import type { DecodeOptions, EncodeOptions, SpecialIds, StreamDetokenizer, StreamOptions, Tokenizer } from './tokenizer.ts'

/** The steps of a tokenizer, in the order text meets them. */
export interface PipelineParts {
  readonly tokens: readonly (string | undefined)[]
  readonly added: readonly AddedToken[]
  readonly normalizer?: Normalizer | undefined
  readonly segmenter: Segmenter
  readonly frame: Frame
  readonly decoding: Decoding
  /** Ids whose text is shown as it stands. */
  readonly verbatim: ReadonlySet<number>
  readonly special: SpecialIds
}

/** Matchers for one choice of `parseSpecial`. */
interface Matchers {
  readonly raw: AddedTokenMatcher
  readonly normalized: AddedTokenMatcher
}

/** Added tokens → normalizer → pieces → model → frame, and back through the decoding. */
export class Pipeline implements Tokenizer {
  readonly vocabSize: number
  readonly special: SpecialIds
  readonly #parts: PipelineParts
  readonly #withSpecial: Matchers
  readonly #withoutSpecial: Matchers
  readonly #bytes: TokenBytes

  constructor(parts: PipelineParts) {
    this.#parts = parts
    this.vocabSize = parts.tokens.length
    this.special = parts.special
    this.#withSpecial = matchersOf(parts.added, parts.normalizer)
    this.#withoutSpecial = matchersOf(
      parts.added.filter(token => !token.special),
      parts.normalizer,
    )
    const special = new Set(parts.added.filter(token => token.special).map(token => token.id))
    this.#bytes = new TokenBytes({ tokens: parts.tokens, special, verbatim: parts.verbatim }, parts.decoding)
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const { frame, normalizer, segmenter } = this.#parts
    const addSpecial = options.addSpecial ?? true
    const { raw, normalized } = (options.parseSpecial ?? true) ? this.#withSpecial : this.#withoutSpecial
    const out: number[] = addSpecial ? [...frame.before] : []
    const push = (id: number): void => {
      out.push(id)
    }
    raw.split(
      wellFormed(text),
      (part, start) => {
        const clean = normalizer ? normalizer(part) : part
        normalized.split(clean, (piece, at) => segmenter.append(piece, start + at === 0, out), push)
      },
      push,
    )
    if (addSpecial) out.push(...frame.after)
    return out
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    return this.#detokenizer(options).all(ids)
  }

  tokenText(id: number): string {
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

  #detokenizer({ skipSpecial = true, continues = false }: StreamOptions): Detokenizer {
    return new Detokenizer(this.#bytes, this.#parts.decoding.trims, { skipSpecial, continues })
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function matchersOf(added: readonly AddedToken[], normalizer: Normalizer | undefined): Matchers {
  const raw = added.filter(token => !token.normalized || !normalizer)
  const normalized = added.filter(token => token.normalized && normalizer)
  return {
    raw: new AddedTokenMatcher(raw.map(token => [token.content, token] as const)),
    normalized: new AddedTokenMatcher(normalized.map(token => [normalizer ? normalizer(token.content) : token.content, token] as const)),
  }
}

/** Node 20 has it, the ES2023 library types do not. */
function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed()
}

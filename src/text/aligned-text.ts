/**
 * Where each UTF-16 code unit of a text comes from: the part of the original text it stands for, `begins[i]` to
 * `ends[i]`. Both halves of a surrogate pair stand for the same part.
 */
export interface Origins {
  readonly begins: Int32Array
  readonly ends: Int32Array
}

/** A text on its way through a tokenizer; without origins nobody asked where it comes from. */
export interface AlignedText {
  readonly text: string
  readonly origins?: Origins | undefined
}

/** Text that stands for itself, character by character. */
export function alignedText(text: string): AlignedText {
  const begins = new Int32Array(text.length)
  const ends = new Int32Array(text.length)
  for (let i = 0; i < text.length; ) {
    const end = i + (text.codePointAt(i)! > 0xffff ? 2 : 1)
    for (let unit = i; unit < end; unit++) {
      begins[unit] = i
      ends[unit] = end
    }
    i = end
  }
  return { text, origins: { begins, ends } }
}

/** The part of a text from `start` to `end`, in code units. */
export function sliceAligned(source: AlignedText, start: number, end: number): AlignedText {
  if (start === 0 && end === source.text.length) return source
  const { text, origins } = source
  return {
    text: text.slice(start, end),
    origins: origins && { begins: origins.begins.subarray(start, end), ends: origins.ends.subarray(start, end) },
  }
}

/**
 * Builds a text from another one and keeps track of origins. Which character an inserted one is attributed to follows
 * Hugging Face tokenizers, so that offsets agree: to the one it replaces, else to the one before it.
 */
export class Rewriting {
  readonly #source: AlignedText
  #text = ''
  /** For each code unit written, the code unit of the source whose origin it has. */
  readonly #from: number[] | undefined

  constructor(source: AlignedText) {
    this.#source = source
    this.#from = source.origins ? [] : undefined
  }

  /** The text that is rewritten. */
  get source(): string {
    return this.#source.text
  }

  /** Takes over the source from `start` to `end`. */
  copy(start: number, end: number): void {
    if (start >= end) return
    this.#text += this.#source.text.slice(start, end)
    if (this.#from) for (let i = start; i < end; i++) this.#from.push(i)
  }

  /** Writes `text`, all of which stands for the character at `at` of the source. */
  put(text: string, at: number): void {
    this.#text += text
    if (this.#from) for (let i = 0; i < text.length; i++) this.#from.push(at)
  }

  result(): AlignedText {
    const origins = this.#source.origins
    if (!origins || !this.#from) return { text: this.#text }
    const begins = new Int32Array(this.#from.length)
    const ends = new Int32Array(this.#from.length)
    for (let i = 0; i < begins.length; i++) {
      const at = this.#from[i]!
      // Only an empty text has no character to be attributed to.
      begins[i] = at >= 0 && at < origins.begins.length ? origins.begins[at]! : (origins.begins[0] ?? 0)
      ends[i] = at >= 0 && at < origins.ends.length ? origins.ends[at]! : (origins.begins[0] ?? 0)
    }
    return { text: this.#text, origins: { begins, ends } }
  }
}

/** The whole of what `text` from `start` to `end` stands for; undefined when that is empty or nobody tracks it. */
export function originOf(source: AlignedText, start: number, end: number): readonly [number, number] | undefined {
  const { origins } = source
  if (!origins || start >= end) return undefined
  return [origins.begins[start]!, origins.ends[end - 1]!]
}

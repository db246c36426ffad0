import { toByteAlphabet } from './byte-alphabet.ts'
import { asFlag, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'
import { compilePattern, literalPattern } from './oniguruma-pattern.ts'

/** Rewrites text before it is cut into pieces. */
export type Normalizer = (text: string) => string

/** Longest text one replacement may put in, in UTF-16 code units. */
const MAX_CONTENT = 256
/** A chain of normalizers may make a text this many times longer; a character decomposes into at most 18. */
const MAX_GROWTH = 32
const FREE_GROWTH = 4096

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, depth: number) => Normalizer>> = {
  Sequence: (fields, depth) => {
    const steps = asList(fields['normalizers'], 'normalizer.normalizers').map(each => parseNormalizer(each, depth + 1))
    return text => steps.reduce((result, step) => (step ? bounded(step(result), text) : result), text)
  },
  Prepend: fields => {
    const prefix = asContent(fields['prepend'], 'Prepend.prepend')
    return text => (text === '' ? '' : prefix + text)
  },
  Replace: parseReplace,
  NFC: () => text => text.normalize('NFC'),
  NFD: () => text => text.normalize('NFD'),
  NFKC: () => text => text.normalize('NFKC'),
  NFKD: () => text => text.normalize('NFKD'),
  // Each Σ by itself, without the rule for the end of a word.
  Lowercase: () => text => text.replaceAll('Σ', 'σ').toLowerCase(),
  Strip: fields => {
    const left = asFlag(fields['strip_left'], 'Strip.strip_left', true)
    const right = asFlag(fields['strip_right'], 'Strip.strip_right', true)
    return text => strip(text, left, right)
  },
  StripAccents: () => text => text.replace(/\p{M}/gu, ''),
  ByteLevel: () => toByteAlphabet,
}

/** The `normalizer` of tokenizer.json; undefined when it has none. */
export function parseNormalizer(value: unknown, depth = 0): Normalizer | undefined {
  if (value === null || value === undefined) return undefined
  checkDepth(depth, 'normalizer')
  const fields = asRecord(value, 'normalizer')
  const kind = asString(fields['type'], 'normalizer.type')
  const parse = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (!parse) throw unknownKind('normalizer', kind, Object.keys(KINDS))
  return parse(fields, depth)
}

/** A `Replace` component, the same for normalizers and decoders. */
export function parseReplace(fields: Record<string, unknown>): Normalizer {
  const pattern = asRecord(fields['pattern'], 'Replace.pattern')
  const content = asContent(fields['content'], 'Replace.content')
  if (typeof pattern['Regex'] === 'string') {
    const regex = compilePattern(pattern['Regex'])
    return text => text.replace(regex, () => content)
  }
  const literal = asString(pattern['String'], 'Replace.pattern.String')
  if (literal === '') throw invalid('Replace.pattern.String is empty')
  const regex = literalPattern(literal)
  return text => (text.includes(literal) ? text.replace(regex, () => content) : text)
}

/** Linear in the length of the text, which a pattern anchored at the end would not be. */
function strip(text: string, left: boolean, right: boolean): string {
  const isSpace = (at: number): boolean => /\p{White_Space}/u.test(text[at]!)
  let start = 0
  let end = text.length
  while (left && start < end && isSpace(start)) start++
  while (right && end > start && isSpace(end - 1)) end--
  return text.slice(start, end)
}

function asContent(value: unknown, where: string): string {
  const content = asString(value, where)
  if (content.length > MAX_CONTENT)
    throw invalid(`${where} has ${content.length} characters, more than ${MAX_CONTENT}`, {
      where,
      length: content.length,
      limit: MAX_CONTENT,
    })
  return content
}

/** Refuses chains that multiply text, whose length would grow exponentially with theirs. */
function bounded(result: string, text: string): string {
  if (result.length > MAX_GROWTH * text.length + FREE_GROWTH)
    throw invalid(`the normalizer makes ${result.length} characters of ${text.length}`, {
      from: text.length,
      to: result.length,
      limit: MAX_GROWTH,
    })
  return result
}

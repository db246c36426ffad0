import { type AlignedText, sliceAligned } from './aligned-text.ts'
import { bertNormalizer, lowercase, nmt, stripAccents } from './bert-normalizer.ts'
import { byteLevelNormalizer } from './byte-alphabet.ts'
import { asFlag, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'
import { type Normalizer, prependNormalizer, replaceNormalizer } from './normalizer.ts'
import { compilePattern, literalPattern } from './oniguruma-pattern.ts'
import { charsmapFromBase64 } from './precompiled-charsmap.ts'
import { precompiledNormalizer } from './precompiled-normalizer.ts'
import { unicodeForm } from './unicode-forms.ts'

/** Longest text one replacement may put in, in UTF-16 code units. */
const MAX_CONTENT = 256
/** A normalizer may make a text this many times longer; a character decomposes into at most 18. */
const MAX_GROWTH = 32
const FREE_GROWTH = 4096

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, depth: number) => Normalizer>> = {
  Sequence: (fields, depth) => {
    const steps = asList(fields['normalizers'], 'normalizer.normalizers').map(each => parseNormalizer(each, depth + 1))
    return source => steps.reduce((result, step) => (step ? bounded(step(result), source) : result), source)
  },
  Prepend: fields => prependNormalizer(asContent(fields['prepend'], 'Prepend.prepend')),
  Replace: parseReplace,
  NFC: () => unicodeForm('NFC'),
  NFD: () => unicodeForm('NFD'),
  NFKC: () => unicodeForm('NFKC'),
  NFKD: () => unicodeForm('NFKD'),
  Lowercase: () => lowercase,
  Strip: fields => {
    const left = asFlag(fields['strip_left'], 'Strip.strip_left', true)
    const right = asFlag(fields['strip_right'], 'Strip.strip_right', true)
    return source => strip(source, left, right)
  },
  StripAccents: () => stripAccents,
  Nmt: () => nmt,
  BertNormalizer: fields => {
    const lowercases = asFlag(fields['lowercase'], 'BertNormalizer.lowercase', true)
    return bertNormalizer({
      cleansText: asFlag(fields['clean_text'], 'BertNormalizer.clean_text', true),
      separatesChinese: asFlag(fields['handle_chinese_chars'], 'BertNormalizer.handle_chinese_chars', true),
      stripsAccents: asFlag(fields['strip_accents'], 'BertNormalizer.strip_accents', lowercases),
      lowercases,
    })
  },
  Precompiled: parsePrecompiled,
  ByteLevel: () => byteLevelNormalizer,
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
  if (typeof pattern['Regex'] === 'string') return replaceNormalizer(compilePattern(pattern['Regex']), content)
  const literal = asString(pattern['String'], 'Replace.pattern.String')
  if (literal === '') throw invalid('Replace.pattern.String is empty')
  const replace = replaceNormalizer(literalPattern(literal), content)
  return source => (source.text.includes(literal) ? replace(source) : source)
}

function parsePrecompiled(fields: Record<string, unknown>): Normalizer {
  const encoded = fields['precompiled_charsmap']
  // Converters of models without rules write an empty map.
  if (encoded === null || encoded === undefined || encoded === '') return source => source
  const normalize = precompiledNormalizer(charsmapFromBase64(asString(encoded, 'Precompiled.precompiled_charsmap')))
  return source => bounded(normalize(source), source)
}

/** Linear in the length of the text, which a pattern anchored at the end would not be. */
function strip(source: AlignedText, left: boolean, right: boolean): AlignedText {
  const { text } = source
  const isSpace = (at: number): boolean => /\p{White_Space}/u.test(text[at]!)
  let start = 0
  let end = text.length
  while (left && start < end && isSpace(start)) start++
  while (right && end > start && isSpace(end - 1)) end--
  return sliceAligned(source, start, end)
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

/** Refuses normalizers that multiply text, whose length would grow exponentially with that of the chain. */
function bounded(result: AlignedText, { text }: AlignedText): AlignedText {
  const { length } = result.text
  if (length > MAX_GROWTH * text.length + FREE_GROWTH)
    throw invalid(`the normalizer makes ${length} characters of ${text.length}`, { from: text.length, to: length, limit: MAX_GROWTH })
  return result
}

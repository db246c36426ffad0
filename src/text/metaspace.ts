import { asFlag, asString, invalid, unknownKind } from './json-fields.ts'
import { prependNormalizer, replaceNormalizer } from './normalizer.ts'
import { literalPattern } from './oniguruma-pattern.ts'
import { type PreTokenizer, splitter } from './splitting.ts'

const SCHEMES = ['always', 'first', 'never']

/** A `Metaspace` component: a mark stands for a space, and one is put before words as `scheme` says. */
export interface Metaspace {
  readonly mark: string
  readonly scheme: string
  readonly splits: boolean
}

/** Reads a `Metaspace` component, the same for pre-tokenizers and decoders. */
export function parseMetaspace(fields: Record<string, unknown>): Metaspace {
  const mark = asString(fields['replacement'] ?? '▁', 'Metaspace.replacement')
  if ([...mark].length !== 1) throw invalid('Metaspace.replacement should be one character', { replacement: mark })
  const legacy = asFlag(fields['add_prefix_space'], 'Metaspace.add_prefix_space', true) ? 'always' : 'never'
  const scheme = asString(fields['prepend_scheme'] ?? legacy, 'Metaspace.prepend_scheme')
  if (!SCHEMES.includes(scheme)) throw unknownKind('Metaspace.prepend_scheme', scheme, SCHEMES)
  return { mark, scheme, splits: asFlag(fields['split'], 'Metaspace.split', true) }
}

/** Marks spaces, and words if the scheme says so, and cuts before marks. */
export function metaspacePreTokenizers({ mark, scheme, splits }: Metaspace): PreTokenizer[] {
  const spaces = replaceNormalizer(/ /g, mark)
  const prepend = prependNormalizer(mark)
  const marked: PreTokenizer = pieces =>
    pieces.map(piece => {
      const spaced = spaces(piece)
      const wantsMark = scheme === 'always' || (scheme === 'first' && piece.atStart)
      return { ...(wantsMark && !spaced.text.startsWith(mark) ? prepend(spaced) : spaced), atStart: piece.atStart }
    })
  return splits ? [marked, splitter(literalPattern(mark), 'MergedWithNext', false)] : [marked]
}

import { HenceError } from '../../../../core/index.ts'

/** A test of one code point. */
export type CharTest = (code: number) => boolean

/** Where an assertion holds. */
export type Assertion = 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'word' | 'not-word'

/** A regular expression as a tree. Which of several ways to match is preferred does not matter here and is not kept. */
export type RegexNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'either'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly item: RegexNode; readonly least: number; readonly most: number }

/** `GRAPH_INVALID` for a pattern outside the syntax. */
export function invalidPattern(pattern: string, why: string): HenceError {
  return new HenceError('GRAPH_INVALID', `the pattern ${JSON.stringify(pattern)} ${why}`, { pattern, why })
}

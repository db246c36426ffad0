import { type AlignedText, Rewriting } from './aligned-text.ts'

/** Rewrites text before it is cut into pieces. Keeps origins when the text has them. */
export type Normalizer = (source: AlignedText) => AlignedText

/**
 * A normalizer from two functions that make the same text.
 *
 * @param plain - the text alone, fast
 * @param rewrite - the same with origins
 */
export function normalizer(plain: (text: string) => string, rewrite: (out: Rewriting) => void): Normalizer {
  return source => {
    if (!source.origins) return { text: plain(source.text) }
    const out = new Rewriting(source)
    rewrite(out)
    return out.result()
  }
}

/** A normalizer that replaces single characters; `change` gives the replacement of a code point, or the same text. */
export function characterNormalizer(plain: (text: string) => string, change: (character: string) => string): Normalizer {
  return normalizer(plain, out => {
    let at = 0
    for (const character of out.source) {
      out.put(change(character), at)
      at += character.length
    }
  })
}

/** One normalizer after the other. */
export function normalizerChain(steps: readonly Normalizer[]): Normalizer {
  return source => steps.reduce((result, step) => step(result), source)
}

/** Puts `prefix` before a text that is not empty. */
export function prependNormalizer(prefix: string): Normalizer {
  return normalizer(
    text => (text === '' ? '' : prefix + text),
    out => {
      if (out.source === '') return
      out.put(prefix, 0)
      out.copy(0, out.source.length)
    },
  )
}

/** Replaces every match of a global pattern; what comes in stands for the last character that went out. */
export function replaceNormalizer(pattern: RegExp, content: string): Normalizer {
  const plain = (text: string): string => {
    // Where a match has just ended, Oniguruma finds no empty one.
    let last = -1
    return text.replace(pattern, (match: string, ...rest: unknown[]) => {
      const at = rest.find(each => typeof each === 'number')!
      if (match === '' && at === last) return ''
      last = at + match.length
      return content
    })
  }
  return normalizer(plain, out => {
    const text = out.source
    let done = 0
    let last = -1
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length
      if (end === match.index && end === last) continue
      last = end
      out.copy(done, match.index)
      out.put(content, end - 1)
      done = end
    }
    out.copy(done, text.length)
  })
}

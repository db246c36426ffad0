import { HenceError } from '../../core/index.ts'
import type { TimestampTokens } from '../../llm/index.ts'
import type { Tokenizer } from '../../text/index.ts'
import type { SpeechSettings } from './speech-settings.ts'

/** What a model that hears can be asked for. */
export type SpeechTask = 'transcribe' | 'translate'

/** The tokens with which a model that hears is told what to do, and those of time. */
export interface SpeechTokens {
  /** By code, such as `en`; empty for a model of one language. */
  readonly languages: ReadonlyMap<string, number>
  readonly tasks: Readonly<Record<SpeechTask, number>> | undefined
  /** Undefined where the vocabulary has no tokens of time. */
  readonly times: Pick<TimestampTokens, 'first' | 'none' | 'end'> | undefined
}

/** Most languages that are looked for behind the token that starts. */
const MOST_LANGUAGES = 512

/** Finds the tokens in the vocabulary. */
export function speechTokens(tokenizer: Tokenizer, settings: SpeechSettings, start: number, end: number): SpeechTokens {
  const idOf = (text: string): number | undefined => {
    const ids = tokenizer.encode(text, { addSpecial: false, parseSpecial: true })
    return ids.length === 1 && tokenizer.tokenText(ids[0]!) === text ? ids[0] : undefined
  }
  const [transcribe, translate] = [idOf('<|transcribe|>'), idOf('<|translate|>')]
  const none = settings.noTimes ?? idOf('<|notimestamps|>')
  const languages = settings.languages.size > 0 ? settings.languages : languagesAfter(tokenizer, start)
  return {
    languages: settings.isMultilingual ? languages : new Map(),
    tasks: settings.isMultilingual && transcribe !== undefined && translate !== undefined ? { transcribe, translate } : undefined,
    times: none !== undefined && none + 1 < tokenizer.vocabSize ? { first: none + 1, none, end } : undefined,
  }
}

/** Tokens that look like `<|en|>`, directly behind the one that starts. */
function languagesAfter(tokenizer: Tokenizer, start: number): ReadonlyMap<string, number> {
  const languages = new Map<string, number>()
  for (let id = start + 1; id < Math.min(start + MOST_LANGUAGES, tokenizer.vocabSize); id++) {
    const [, code] = /^<\|([a-z]{2,4})\|>$/.exec(tokenizer.tokenText(id)) ?? []
    if (code === undefined) break
    languages.set(code, id)
  }
  return languages
}

/** The token of a language by its code or its English name. @throws HenceError `OPTION_INVALID` with the known codes */
export function languageToken({ languages }: SpeechTokens, wanted: string): number {
  const name = wanted.toLowerCase()
  const known = languages.get(name)
  if (known !== undefined) return known
  const names = new Intl.DisplayNames('en', { type: 'language' })
  for (const [code, id] of languages) if (names.of(code)?.toLowerCase() === name) return id
  throw new HenceError(
    'OPTION_INVALID',
    languages.size > 0
      ? `transcribe: the model does not know the language "${wanted.slice(0, 40)}"; known are ${[...languages.keys()].join(', ')}`
      : 'transcribe: the model knows one language only; leave { language } out',
    { language: wanted.slice(0, 40), known: [...languages.keys()] },
  )
}

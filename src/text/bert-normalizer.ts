import { characterNormalizer, type Normalizer, normalizerChain } from './normalizer.ts'
import { unicodeForm } from './unicode-forms.ts'
import { ACCENTS, NONSPACING } from './unicode-sets.ts'

/** Each character in lower case by itself, without the rule for Σ at the end of a word. */
export const lowercase: Normalizer = characterNormalizer(
  text => text.replaceAll('Σ', 'σ').toLowerCase(),
  character => (character === 'Σ' ? 'σ' : character.toLowerCase()),
)

/** Takes combining marks away. */
export const stripAccents: Normalizer = removing(ACCENTS)

const NMT_CONTROLS = String.raw`[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]`

/** What SentencePiece's rules for machine translation do to control characters and to all kinds of white space. */
export const nmt: Normalizer = normalizerChain([
  removing(new RegExp(NMT_CONTROLS, 'gu')),
  becomingSpace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu),
])

/** What BERT's tokenizer does first. */
export interface BertNormalizerOptions {
  /** Takes control characters away and makes all white space spaces. */
  readonly cleansText: boolean
  /** Puts spaces around Chinese characters. */
  readonly separatesChinese: boolean
  readonly stripsAccents: boolean
  readonly lowercases: boolean
}

/** Source: BasicTokenizer of the code released with Devlin et al., "BERT" (2018), as Hugging Face tokenizers have it. */
export function bertNormalizer(options: BertNormalizerOptions): Normalizer {
  return normalizerChain([
    ...(options.cleansText ? [removeControls, spaces] : []),
    ...(options.separatesChinese ? [separateChinese] : []),
    ...(options.stripsAccents ? [unicodeForm('NFD'), removing(NONSPACING)] : []),
    ...(options.lowercases ? [lowercase] : []),
  ])
}

const removeControls = removing(/(?![\t\n\r\u0890\u0891\u08e2\u{110cd}\u{13430}-\u{1343f}])[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu)
const spaces = becomingSpace(/\p{White_Space}/gu)
const separateChinese = wrapping(
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu,
)

function removing(characters: RegExp): Normalizer {
  return characterNormalizer(
    text => text.replace(characters, ''),
    character => character.replace(characters, ''),
  )
}

function becomingSpace(characters: RegExp): Normalizer {
  return characterNormalizer(
    text => text.replace(characters, ' '),
    character => character.replace(characters, ' '),
  )
}

function wrapping(characters: RegExp): Normalizer {
  return characterNormalizer(
    text => text.replace(characters, ' $& '),
    character => character.replace(characters, ' $& '),
  )
}

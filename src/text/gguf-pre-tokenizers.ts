import { unknownKind } from './json-fields.ts'
import { GPT2_PATTERN, LLAMA3_PATTERN, QWEN2_PATTERN } from './scanners.ts'

/** What `tokenizer.ggml.pre` stands for. */
export interface GgufPreTokenizer {
  /** Patterns applied one after the other; matches and gaps are pieces. */
  readonly patterns: readonly string[]
  /** A word that is a token becomes that token without merging. */
  readonly ignoreMerges?: boolean
  /** Texts begin with the begin token unless the file says otherwise. */
  readonly addsBos?: boolean
  /** The vocabulary spells characters, not bytes, and has byte tokens for those it lacks. */
  readonly spellsCharacters?: boolean
  /** Spaces become ▁ first. */
  readonly marksSpaces?: boolean
}

const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
const O200K_REST = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const HEAD = '[^\\r\\n\\p{L}\\p{N}]?'
const MARKS = '[\\p{P}\\$\\+<=>\\^~\\|]+'

const GPT2: GgufPreTokenizer = { patterns: [GPT2_PATTERN] }
const LLAMA3: GgufPreTokenizer = { patterns: [LLAMA3_PATTERN], ignoreMerges: true, addsBos: true }
const CL100K: GgufPreTokenizer = { patterns: [LLAMA3_PATTERN] }
const QWEN2: GgufPreTokenizer = { patterns: [QWEN2_PATTERN] }
const DIGITS: GgufPreTokenizer = { patterns: ['\\p{N}', GPT2_PATTERN] }
const FALLBACK: GgufPreTokenizer = { patterns: [MARKS, GPT2_PATTERN, '\\p{N}+', '[0-9][0-9][0-9]'] }
const O200K: GgufPreTokenizer = {
  patterns: [`${HEAD}${UPPER}*${LOWER}+${CONTRACTION}|${HEAD}${UPPER}+${LOWER}*${CONTRACTION}|\\p{N}{1,3}${O200K_REST}`],
}
const CASED = '[[\\p{Lu}\\p{Ll}\\p{Lt}]&&[^\\u10d0-\\u10ff\\x{1d400}-\\x{1d7ff}]]'
const ASCII_MARK = '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]'
const MIXED = `${ASCII_MARK}[A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
const NOT_HAN = (set: string): string => `${set.slice(0, -1)}&&[^\\p{Han}]]`
const CJK = '[一-龥぀-ゟ゠-ヿ]+'
const HEADED = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?"
const TAIL = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** `[upper]*[lower]+` or `[upper]+[lower]*`, the words of GPT-4o and its kin. */
function casedWords(upper: string, lower: string, suffix: string): string {
  return `${HEAD}${upper}*${lower}+${suffix}|${HEAD}${upper}+${lower}*${suffix}`
}

const DEEPSEEK3: GgufPreTokenizer = { patterns: ['\\p{N}{1,3}', CJK, MIXED] }
const BLOOM: GgufPreTokenizer = { patterns: [' ?[^(\\s|.,!?…。，、।۔،)]+'] }
const LINES: GgufPreTokenizer = { patterns: ['[^\\n]+|[\\n]+'], spellsCharacters: true, marksSpaces: true }
const BAILING: GgufPreTokenizer = {
  patterns: [`'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`],
}
const AYA: GgufPreTokenizer = { patterns: ['\\d{1,3}(?=(?:\\d{3})*\\b)', ...O200K.patterns] }

/** Values of `tokenizer.ggml.pre`. Source: the pre-tokenizer names and patterns of llama.cpp. */
const BY_NAME: Readonly<Record<string, GgufPreTokenizer>> = {
  default: FALLBACK,
  'gpt-2': GPT2,
  'phi-2': GPT2,
  mpt: GPT2,
  olmo: GPT2,
  jais: GPT2,
  'roberta-bpe': GPT2,
  'modern-bert': GPT2,
  'jina-es': GPT2,
  'jina-de': GPT2,
  'jina-v2-es': GPT2,
  'jina-v2-de': GPT2,
  gigachat: GPT2,
  trillion: GPT2,
  'llama-bpe': LLAMA3,
  llama3: LLAMA3,
  'llama-v3': LLAMA3,
  falcon3: LLAMA3,
  pixtral: LLAMA3,
  lfm2: LLAMA3,
  dbrx: CL100K,
  'smaug-bpe': CL100K,
  'chatglm-bpe': CL100K,
  glm4: CL100K,
  qwen2: QWEN2,
  'deepseek-r1-qwen': QWEN2,
  stablelm2: QWEN2,
  hunyuan: QWEN2,
  megrez: QWEN2,
  smollm: DIGITS,
  starcoder: DIGITS,
  refact: DIGITS,
  codeshell: DIGITS,
  'command-r': DIGITS,
  exaone: DIGITS,
  'minerva-7b': DIGITS,
  falcon: { patterns: ['[\\p{P}\\$\\+<=>\\^~\\|`]+', GPT2_PATTERN, '[0-9][0-9][0-9]'] },
  bloom: BLOOM,
  'gpt-4o': O200K,
  llama4: O200K,
  tekken: {
    patterns: [`${HEAD}${UPPER}*${LOWER}+|${HEAD}${UPPER}+${LOWER}*|\\p{N}${O200K_REST}`],
    ignoreMerges: true,
    addsBos: true,
  },
  'deepseek-coder': { patterns: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[一-龥ࠀ-一가-퟿]+', '\\p{N}'] },
  'deepseek-v3': DEEPSEEK3,
  'falcon-h1': LLAMA3,
  'midm-2.0': LLAMA3,
  'jina-v5-nano': LLAMA3,
  exaone4: GPT2,
  'a.x-4.0': GPT2,
  mellum: GPT2,
  mellum2: DIGITS,
  'granite-docling': GPT2,
  'jina-v1-en': GPT2,
  'jina-v2-code': GPT2,
  kormo: QWEN2,
  f2llmv2: QWEN2,
  'grok-2': QWEN2,
  'solar-open': QWEN2,
  qwen35: { patterns: [`${HEADED}[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${TAIL}`] },
  ufakzeka: { patterns: [`[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${TAIL}`] },
  'seed-coder': { patterns: [`${HEADED}\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${TAIL}`] },
  laguna: { patterns: ['[^\\n]+|[\\n]+', QWEN2_PATTERN] },
  minicpm5: {
    patterns: ['\\p{N}{1,3}', `${HEADED}\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${TAIL}`],
    ignoreMerges: true,
  },
  'jais-2': {
    patterns: [
      `${HEADED}\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|${[512, 256, 128, 64, 32, 16, 8, 4].map(count => `\\s{${count}}(?!\\S)|`).join('')}\\s{1,2}(?!\\S)|\\s{1}`,
    ],
  },
  'exaone-moe': {
    patterns: [`${HEADED}(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`],
  },
  kanana2: O200K,
  talkie: O200K,
  'minimax-m2': O200K,
  'granite-embed-multi-97m': { patterns: O200K.patterns, ignoreMerges: true },
  tiny_aya: AYA,
  cohere2moe: AYA,
  'kimi-k2': {
    patterns: [`[\\p{Han}]+|${casedWords(NOT_HAN(UPPER), NOT_HAN(LOWER), CONTRACTION)}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${TAIL}`],
  },
  superbpe: { patterns: ['\\p{N}+', '(?=(\\d{3})+(?!\\d))'] },
  bailingmoe: BAILING,
  bailingmoe2: BAILING,
  'llada-moe': BAILING,
  'deepseek-llm': {
    patterns: ['[\\r\\n]', `\\s?${CASED}+`, '\\s?[!-/:-~！-／：-～‘-‟　-。]+', '\\s+$', '[一-龥ࠀ-一가-퟿]+', '\\p{N}+'],
  },
  'hunyuan-dense': DEEPSEEK3,
  'joyai-llm': DEEPSEEK3,
  hy_v4: DEEPSEEK3,
  spark2_5: { patterns: ['\\p{N}{1,3}', CJK, MIXED.replace('+[\\r\\n]*|\\s*[\\r\\n]+', '+|[\\r\\n]'), '\\p{N}'] },
  afmoe: {
    patterns: ['\\p{N}+', '(?=(\\p{N}{3})+(?!\\p{N}))', '[一-鿿㐀-䶿豈-﫿぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ]+', MIXED],
  },
  youtu: {
    patterns: [
      '[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+',
      `${casedWords(UPPER, LOWER, CONTRACTION)}|\\p{N}${O200K_REST}`,
    ],
    ignoreMerges: true,
  },
  'poro-chat': BLOOM,
  'gpt3-finnish': BLOOM,
  viking: { patterns: [...BLOOM.patterns, '\\p{N}'] },
  chameleon: {
    patterns: [
      '<sentinel:[0-9]+>',
      '(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z',
      '([\\t\\n]|    |  )',
      '\\p{N}',
      '[\\p{P}!-/:-@\\[-`{-~]',
      GPT2_PATTERN,
    ],
    addsBos: true,
  },
  gemma4: LINES,
  'granite-embed-multi-311m': LINES,
  'sarvam-moe': LINES,
  whitespace: { patterns: ['\\S+'], spellsCharacters: true },
}

/** Values of `tokenizer.ggml.pre` that Hence knows. */
export const GGUF_PRE_TOKENIZERS: readonly string[] = Object.keys(BY_NAME).sort()

/**
 * How a vocabulary of a GGUF file cuts text. A file that names no pre-tokenizer gets `default`: marks, then GPT-2's
 * pattern, then runs of digits, then threes of them.
 *
 * @throws HenceError `TOKENIZER_INVALID` for a name that is not in the table, since a guess would give wrong ids in silence
 */
export function ggufPreTokenizer(name: string | undefined): GgufPreTokenizer {
  if (name === undefined || name === '') return FALLBACK
  const found = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined
  if (!found) throw unknownKind('tokenizer.ggml.pre', name, GGUF_PRE_TOKENIZERS)
  return found
}

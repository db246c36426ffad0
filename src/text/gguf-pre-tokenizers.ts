import { GPT2_PATTERN, LLAMA3_PATTERN, QWEN2_PATTERN } from './scanners.ts'

/** What `tokenizer.ggml.pre` stands for. */
export interface GgufPreTokenizer {
  /** Patterns applied one after the other; matches and gaps are pieces. */
  readonly patterns: readonly string[]
  /** A word that is a token becomes that token without merging. */
  readonly ignoreMerges?: boolean
  /** Texts begin with the begin token unless the file says otherwise. */
  readonly addsBos?: boolean
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
  bloom: { patterns: [' ?[^(\\s|.,!?…。，、।۔،)]+'] },
  'gpt-4o': O200K,
  llama4: O200K,
  tekken: {
    patterns: [`${HEAD}${UPPER}*${LOWER}+|${HEAD}${UPPER}+${LOWER}*|\\p{N}${O200K_REST}`],
    ignoreMerges: true,
    addsBos: true,
  },
  'deepseek-coder': { patterns: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[一-龥ࠀ-一가-퟿]+', '\\p{N}'] },
  'deepseek-v3': {
    patterns: [
      '\\p{N}{1,3}',
      '[一-龥぀-ゟ゠-ヿ]+',
      '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
    ],
  },
}

/**
 * How a byte-level vocabulary of a GGUF file cuts text. A file that names no pre-tokenizer, or one that is not in the
 * table, gets `default`: marks, then GPT-2's pattern, then runs of digits, then threes of them.
 */
export function ggufPreTokenizer(name: string | undefined): GgufPreTokenizer {
  return (name !== undefined && Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined) ?? FALLBACK
}

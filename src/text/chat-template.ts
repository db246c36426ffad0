import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { HenceError, isHenceError } from '../core/index.ts'
import { formatTime } from './format-time.ts'
import { tokenContent } from './tokenizer-json.ts'

/** One message of a conversation. Templates may read further fields, such as `tool_calls`. */
export interface ChatMessage {
  readonly role: string
  readonly content: string | null | readonly Readonly<Record<string, unknown>>[]
  readonly [field: string]: unknown
}

/** Texts of special tokens that templates name. */
export interface ChatTemplateOptions {
  readonly bosToken?: string
  readonly eosToken?: string
  readonly unkToken?: string
  readonly padToken?: string
}

/** What a template sees beside the messages. */
export interface RenderOptions {
  /** Ends with what opens an answer; default false. */
  readonly addGenerationPrompt?: boolean
  /** Tools the model may call, as JSON schemas. */
  readonly tools?: readonly unknown[]
  /** Texts the model may quote. */
  readonly documents?: readonly unknown[]
  /** What `strftime_now` tells; default the current time. */
  readonly now?: Date
  /** Further variables of this template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>
}

/** Longest template accepted, in UTF-16 code units; published ones stay below 50,000. */
const MAX_TEMPLATE = 1_000_000

/** Names that every template may use. */
const CONSTANTS = { true: true, false: false, none: null, True: true, False: false, None: null }
/** Longest list that `range` gives. */
const MAX_RANGE = 100_000

/**
 * A chat template in Jinja, which turns messages into the text a model was trained on. Blocks are trimmed as
 * transformers does (`trim_blocks`, `lstrip_blocks`).
 *
 * @example
 * ```ts
 * import { ChatTemplate } from 'hence'
 * const template = new ChatTemplate('{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}')
 * template.render([{ role: 'user', content: 'Hello' }]) // 'user: Hello\n'
 * ```
 */
export class ChatTemplate {
  /** The template as the model's file has it. */
  readonly source: string
  readonly #program: ReturnType<typeof parse>
  readonly #tokens: Record<string, string>

  /** @throws HenceError `TEMPLATE_INVALID` when `source` is not a template */
  constructor(source: string, options: ChatTemplateOptions = {}) {
    if (source.length > MAX_TEMPLATE)
      throw new HenceError('TEMPLATE_INVALID', `the chat template has ${source.length} characters, more than ${MAX_TEMPLATE}`, {
        length: source.length,
        limit: MAX_TEMPLATE,
      })
    this.source = source
    this.#tokens = {}
    const tokens = { bos_token: options.bosToken, eos_token: options.eosToken, unk_token: options.unkToken, pad_token: options.padToken }
    for (const [name, text] of Object.entries(tokens)) if (text !== undefined) this.#tokens[name] = text
    try {
      this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }))
    } catch (cause) {
      throw failed('the chat template does not parse', cause)
    }
  }

  /**
   * The text of a conversation, special tokens included: encode it with `addSpecial: false`.
   *
   * @throws HenceError `TEMPLATE_INVALID` when the template refuses the messages
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    const now = options.now ?? new Date()
    try {
      const environment = new Environment()
      const variables = {
        ...CONSTANTS,
        ...this.#tokens,
        tools: options.tools ?? null,
        documents: options.documents ?? null,
        ...options.variables,
        messages,
        add_generation_prompt: options.addGenerationPrompt ?? false,
        range,
        strftime_now: (format: string) => formatTime(now, format),
        raise_exception: (reason: unknown) => {
          throw new HenceError('TEMPLATE_INVALID', `the chat template refuses these messages: ${String(reason)}`, {
            reason: String(reason),
            roles: messages.map(message => message.role),
          })
        },
      }
      for (const [name, value] of Object.entries(variables)) environment.set(name, value)
      return (new Interpreter(environment).run(this.#program) as { value: string }).value
    } catch (cause) {
      throw isHenceError(cause) ? cause : failed('the chat template fails on these messages', cause)
    }
  }
}

/**
 * The chat template of a Hugging Face folder, undefined when it has none.
 *
 * @param tokenizerConfig - parsed tokenizer_config.json; its `chat_template` is a text or a list of named ones, of
 * which `default` or else the first counts
 * @param chatTemplateFile - text of chat_template.jinja, which wins
 * @throws HenceError `TEMPLATE_INVALID` when the template does not parse
 */
export function chatTemplateFromConfig(tokenizerConfig: unknown, chatTemplateFile?: string): ChatTemplate | undefined {
  const config = (typeof tokenizerConfig === 'object' && tokenizerConfig !== null ? tokenizerConfig : {}) as Record<string, unknown>
  const source = chatTemplateFile ?? templateSource(config['chat_template'])
  if (source === undefined) return undefined
  return new ChatTemplate(source, {
    ...named('bosToken', tokenContent(config['bos_token'])),
    ...named('eosToken', tokenContent(config['eos_token'])),
    ...named('unkToken', tokenContent(config['unk_token'])),
    ...named('padToken', tokenContent(config['pad_token'])),
  })
}

/**
 * The chat template in the metadata of a GGUF file, undefined when it has none.
 *
 * @throws HenceError `TEMPLATE_INVALID` when the template does not parse
 */
export function chatTemplateFromGguf(metadata: ReadonlyMap<string, unknown>): ChatTemplate | undefined {
  const source = metadata.get('tokenizer.chat_template')
  if (typeof source !== 'string') return undefined
  const tokens = metadata.get('tokenizer.ggml.tokens')
  const textOf = (name: string): string | undefined => {
    const text: unknown = Array.isArray(tokens) ? tokens[Number(metadata.get(`tokenizer.ggml.${name}_token_id`))] : undefined
    return typeof text === 'string' ? text : undefined
  }
  return new ChatTemplate(source, {
    ...named('bosToken', textOf('bos')),
    ...named('eosToken', textOf('eos')),
    ...named('unkToken', textOf('unknown')),
    ...named('padToken', textOf('padding')),
  })
}

function templateSource(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const entries = value as readonly { readonly name?: unknown; readonly template?: unknown }[]
  const found = entries.find(entry => entry?.name === 'default') ?? entries[0]
  return typeof found?.template === 'string' ? found.template : undefined
}

function named<Name extends keyof ChatTemplateOptions>(name: Name, text: string | undefined): ChatTemplateOptions {
  return text === undefined ? {} : { [name]: text }
}

function failed(what: string, cause: unknown): HenceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new HenceError('TEMPLATE_INVALID', `${what}: ${reason}`, { reason, cause })
}

/** Python's `range`, of bounded length. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (!(length <= MAX_RANGE))
    throw new HenceError('TEMPLATE_INVALID', `range(${start}, ${stop}, ${step}) of the chat template is longer than ${MAX_RANGE}`, {
      start,
      stop,
      step,
      limit: MAX_RANGE,
    })
  return Array.from({ length }, (_, i) => start + i * step)
}

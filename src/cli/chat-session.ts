import { type ChatMessage, type GenerateOptions, type Generation, HenceError, isHenceError, type LanguageModel } from '../core/index.ts'

/** A conversation that remembers what was said, as far as the context allows. */
export interface ChatSession {
  /** Takes what the user said and begins the answer; `onDropped` hears how much of the oldest was forgotten to make room. */
  begin(text: string, options: GenerateOptions, onDropped: (what: string) => void): Generation
  /** Remembers the answer. */
  end(answer: { readonly text: string; readonly tokens: readonly number[] }): void
  /** Forgets the last thing the user said, after a failure. */
  undo(): void
  clear(): void
  /** Replaces the instruction that stands before everything. */
  setSystem(text: string): void
  /** The conversation as data. */
  messages(): readonly ChatMessage[]
}

/** An answer gets at least this share of the context, or `maxTokens` where that is less. */
const ANSWER_SHARE = 0.25
/** Tokens a template is assumed to put around a message. */
const FRAME_TOKENS = 8

/** Tokens that what was said may take. */
function roomFor(model: LanguageModel, { maxTokens = Number.POSITIVE_INFINITY }: GenerateOptions): number {
  const { context } = model.describe()
  return context - Math.max(1, Math.floor(Math.min(maxTokens, context * ANSWER_SHARE)))
}

/**
 * A conversation through the model's chat template. When it outgrows the context, the oldest turns (a question with its
 * answer) are dropped; the system message and the newest question always stay.
 */
export function templateSession(model: LanguageModel, systemText: string | undefined): ChatSession {
  let system = systemText
  let turns: ChatMessage[] = []
  const all = (): ChatMessage[] => [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...turns]
  const size = (): number =>
    all().reduce((sum, { content }) => sum + FRAME_TOKENS + model.tokenize(String(content), { addSpecial: false }).length, 0)

  return {
    begin(text, options, onDropped) {
      turns.push({ role: 'user', content: text })
      const room = roomFor(model, options)
      let dropped = 0
      const dropOldest = (): void => {
        turns = turns.slice(2)
        dropped++
      }
      while (turns.length > 2 && size() > room) dropOldest()
      for (;;) {
        try {
          const generation = model.chat(all(), options)
          if (dropped > 0) onDropped(`the oldest ${dropped === 1 ? 'turn' : `${dropped} turns`}`)
          return generation
        } catch (error) {
          if (isHenceError(error, 'CONTEXT_OVERFLOW') && turns.length > 2) {
            dropOldest()
            continue
          }
          turns.pop()
          throw error
        }
      }
    },
    end: ({ text }) => void turns.push({ role: 'assistant', content: text }),
    undo: () => void turns.pop(),
    clear() {
      turns = []
    },
    setSystem(text) {
      system = text === '' ? undefined : text
    },
    messages: all,
  }
}

/** One growing text that user and model write in turn. When it outgrows the context, its beginning is dropped. */
export function plainSession(model: LanguageModel): ChatSession {
  let tokens: number[] = []
  let parts: ChatMessage[] = []
  let added = 0
  return {
    begin(text, options, onDropped) {
      const isFirst = tokens.length === 0
      const more = text === '' && !isFirst ? [] : model.tokenize(text, { addSpecial: isFirst, parseSpecial: false })
      if (tokens.length + more.length === 0)
        throw new HenceError('OPTION_INVALID', 'there is no text to continue yet', { hint: 'Write how it begins.' })
      const room = roomFor(model, options)
      const excess = Math.min(tokens.length, tokens.length + more.length - room)
      if (excess > 0) {
        tokens = tokens.slice(excess)
        onDropped(`the first ${excess === 1 ? 'token' : `${excess} tokens`}`)
      }
      const generation = model.generate([...tokens, ...more], options)
      tokens.push(...more)
      parts.push({ role: 'user', content: text })
      added = more.length
      return generation
    },
    end(answer) {
      tokens.push(...answer.tokens)
      parts.push({ role: 'assistant', content: answer.text })
    },
    undo() {
      tokens.length -= added
      parts.pop()
    },
    clear() {
      tokens = []
      parts = []
    },
    setSystem() {
      throw new HenceError('TEMPLATE_MISSING', 'a system message needs a chat template', {
        hint: 'Write it at the beginning of the text instead.',
      })
    },
    messages: () => parts,
  }
}

import { useEffect, useRef, useState } from 'preact/hooks'
import type { ModelStatus } from './api.ts'
import { formatSeconds } from './format.ts'
import { DEFAULT_SETTINGS, requestFields, type Settings, SettingsForm } from './settings.tsx'
import { type AnswerStats, streamAnswer } from './stream-answer.ts'

interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly stats?: AnswerStats
  readonly note?: string
}

interface ChatProps {
  readonly models: readonly ModelStatus[]
  readonly isActive: boolean
}

export function Chat({ models, isActive }: ChatProps) {
  const talking = models.filter(({ kind, hasTokenizer }) => kind === 'language' && hasTokenizer)
  const [name, setName] = useState<string>()
  const model = talking.find(candidate => candidate.name === name) ?? talking[0]
  const [settings, setSettings] = useState<Settings>(DEFAULT_SETTINGS)
  const [messages, setMessages] = useState<readonly Message[]>([])
  const [draft, setDraft] = useState('')
  const [controller, setController] = useState<AbortController>()
  const [announcement, setAnnouncement] = useState('')
  const input = useRef<HTMLTextAreaElement>(null)
  const end = useRef<HTMLDivElement>(null)
  const isPlain = model !== undefined && !model.hasChatTemplate

  useEffect(() => {
    if (isActive) input.current?.focus()
  }, [isActive, model?.name])
  useEffect(() => {
    const { scrollHeight } = document.documentElement
    // Who scrolled up to read is left there.
    if (scrollHeight - innerHeight - scrollY < 200) end.current?.scrollIntoView({ block: 'end' })
  }, [messages])

  const ask = async () => {
    if (!model || controller || (draft.trim() === '' && !isPlain)) return
    const before: readonly Message[] = draft === '' ? messages : [...messages, { role: 'user', content: draft }]
    const aborting = new AbortController()
    setController(aborting)
    setDraft('')
    let answer: Message = { role: 'assistant', content: '' }
    const show = (change: Partial<Message>) => {
      answer = { ...answer, ...change }
      setMessages([...before, answer])
    }
    show({})
    try {
      const fields = { model: model.name, ...requestFields(settings) }
      const [path, body] = isPlain
        ? ['/v1/completions', { ...fields, prompt: before.map(({ content }) => content).join('') }]
        : ['/v1/chat/completions', { ...fields, messages: conversation(settings.system, before) }]
      const finish = await streamAnswer(path, body, aborting.signal, (text, stats) => show({ content: answer.content + text, stats }))
      show(finish === 'length' && settings.maxTokens !== '' ? { note: 'cut at the most tokens' } : {})
      setAnnouncement(answer.content)
    } catch (error) {
      if (aborting.signal.aborted) {
        show({ note: 'stopped' })
        setAnnouncement('Stopped.')
      } else show({ note: (error as Error).message })
    } finally {
      setController(undefined)
      input.current?.focus()
    }
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') controller?.abort()
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    void ask()
  }

  if (!model)
    return (
      <section class="empty">
        <h2>Chat</h2>
        <p>
          {models.some(({ state }) => state === 'loading')
            ? 'The model is being loaded.'
            : 'This server has no language model to talk with.'}
        </p>
      </section>
    )
  return (
    <section class="chat" aria-label="Chat">
      <div class="row spread">
        <label>
          <span class="hidden">Model</span>
          <select value={model.name} onChange={event => setName(event.currentTarget.value)}>
            {talking.map(candidate => (
              <option key={candidate.name} value={candidate.name}>
                {candidate.name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={messages.length === 0 || controller !== undefined} onClick={() => setMessages([])}>
          New
        </button>
      </div>
      <SettingsForm model={model} settings={settings} onChange={setSettings} />
      {messages.length === 0 && (
        <div class="empty">
          <h2>{isPlain ? 'Begin a text' : 'Ask something'}</h2>
          <p>
            {isPlain
              ? `${model.name} goes on with what you write. Enter alone lets it go on.`
              : `${model.name} answers here, on this machine.`}
          </p>
        </div>
      )}
      <ol class={isPlain ? 'messages plain' : 'messages'} aria-label="Conversation">
        {messages.map((message, index) => (
          <MessageView key={index} message={message} isLive={controller !== undefined && index === messages.length - 1} />
        ))}
      </ol>
      <p class="hidden" aria-live="polite">
        {announcement}
      </p>
      <div ref={end} />
      <form
        class="composer"
        onSubmit={event => {
          event.preventDefault()
          void ask()
        }}
      >
        <label class="hidden" for="draft">
          {isPlain ? 'Text to go on with' : 'Message'}
        </label>
        <textarea
          id="draft"
          ref={input}
          rows={2}
          value={draft}
          placeholder={isPlain ? 'Once upon a time' : 'Message'}
          onInput={event => setDraft(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {controller ? (
          <button key="stop" type="button" class="primary stop" onClick={() => controller.abort()}>
            Stop
          </button>
        ) : (
          <button key="send" type="submit" class="primary" disabled={draft.trim() === '' && !isPlain}>
            {isPlain ? 'Go on' : 'Send'}
          </button>
        )}
      </form>
    </section>
  )
}

function conversation(system: string, messages: readonly Message[]): { role: string; content: string }[] {
  const said = messages.map(({ role, content }) => ({ role, content }))
  return system.trim() === '' ? said : [{ role: 'system', content: system }, ...said]
}

function MessageView({ message: { role, content, stats, note }, isLive }: { message: Message; isLive: boolean }) {
  return (
    <li class={role}>
      <span class="hidden">{role === 'user' ? 'You: ' : 'Model: '}</span>
      <p class={isLive ? 'content live' : 'content'}>{content}</p>
      {(stats || note) && (
        <p class="stats">
          {stats?.firstTokenMs !== undefined && <span>first token {formatSeconds(stats.firstTokenMs / 1_000)}</span>}
          {stats?.tokensPerSecond !== undefined && (
            <span>{stats.tokensPerSecond.toFixed(stats.tokensPerSecond < 100 ? 1 : 0)} tokens/s</span>
          )}
          {stats && <span>{stats.tokens === 1 ? '1 token' : `${stats.tokens} tokens`}</span>}
          {note && <span class="warn">{note}</span>}
        </p>
      )}
    </li>
  )
}

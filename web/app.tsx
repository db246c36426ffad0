import { useCallback, useEffect, useState } from 'preact/hooks'
import { getStatus, RequestFailed, type Status, setKey } from './api.ts'
import { Chat } from './chat.tsx'
import { ModelsView } from './models-view.tsx'
import { ThemeChoice } from './theme.tsx'
import { TryModel } from './try-model.tsx'

const VIEWS = { chat: 'Chat', try: 'Try', models: 'Models' } as const
type View = keyof typeof VIEWS

const REFRESH_MS = 2_000

function viewOf(hash: string): View | undefined {
  return (Object.keys(VIEWS) as View[]).find(view => `#${view}` === hash)
}

export function App() {
  const [view, setView] = useState(viewOf(location.hash))
  const [status, setStatus] = useState<Status>()
  const [trouble, setTrouble] = useState<string>()
  const [wantsKey, setWantsKey] = useState(false)

  const refresh = useCallback(async () => {
    try {
      setStatus(await getStatus())
      setTrouble(undefined)
      setWantsKey(false)
    } catch (error) {
      const isKey = error instanceof RequestFailed && error.status === 401
      setWantsKey(isKey)
      setTrouble(isKey ? undefined : 'The server does not answer.')
    }
  }, [])

  useEffect(() => {
    void refresh()
    const timer = setInterval(() => !document.hidden && void refresh(), REFRESH_MS)
    const onHash = () => setView(before => viewOf(location.hash) ?? before)
    addEventListener('hashchange', onHash)
    return () => {
      clearInterval(timer)
      removeEventListener('hashchange', onHash)
    }
  }, [refresh])

  const models = status?.models ?? []
  // A server without language models begins with what it can do.
  const shown = view ?? (status && !models.some(({ kind }) => !kind || kind === 'language') ? 'try' : 'chat')
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <h1>Hence</h1>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([name, label]) => (
            <a key={name} href={`#${name}`} aria-current={name === shown ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <ServerState status={status} trouble={trouble} />
        <ThemeChoice />
      </header>
      <main id="main" tabIndex={-1}>
        {wantsKey && <KeyForm onDone={refresh} />}
        {/* The views stay alive, so that a conversation is still there after a look elsewhere. */}
        <div hidden={shown !== 'chat'}>
          <Chat models={models} isActive={shown === 'chat'} />
        </div>
        <div hidden={shown !== 'try'}>
          <TryModel models={models} />
        </div>
        {shown === 'models' && status && <ModelsView status={status} />}
      </main>
    </>
  )
}

function ServerState({ status, trouble }: { status: Status | undefined; trouble: string | undefined }) {
  const loading = status?.models.filter(({ state }) => state === 'loading').length ?? 0
  const failed = status?.models.filter(({ state }) => state === 'failed').length ?? 0
  const text = trouble ?? (failed > 0 ? `${failed} failed to load` : loading > 0 ? `${loading} loading` : status ? 'Ready' : 'Connecting')
  const kind = trouble || failed > 0 ? 'bad' : loading > 0 || !status ? 'wait' : 'good'
  return (
    <p class={`state ${kind}`} role="status">
      {text}
    </p>
  )
}

function KeyForm({ onDone }: { onDone: () => Promise<void> }) {
  const [isWrong, setWrong] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('key') as HTMLInputElement
    setKey(field.value.trim())
    await onDone()
    setWrong(true)
  }
  return (
    <form class="card key" onSubmit={submit}>
      <label for="key">This server wants an API key. It stays in this tab.</label>
      <div class="row">
        <input id="key" name="key" type="password" autocomplete="off" required aria-describedby="key-note" />
        <button type="submit" class="primary">
          Use it
        </button>
      </div>
      <p id="key-note" role="alert">
        {isWrong ? 'That key was not accepted.' : ''}
      </p>
    </form>
  )
}

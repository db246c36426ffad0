import type { ModelStatus } from './api.ts'

/** How answers are asked for; empty texts leave it to the model. */
export interface Settings {
  readonly system: string
  readonly temperature: string
  readonly topP: string
  readonly topK: string
  readonly maxTokens: string
  readonly seed: string
  readonly stop: string
}

export const DEFAULT_SETTINGS: Settings = { system: '', temperature: '', topP: '', topK: '', maxTokens: '256', seed: '', stop: '' }

/** The settings as fields of a request. */
export function requestFields({ temperature, topP, topK, maxTokens, seed, stop }: Settings): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const [name, text] of Object.entries({ temperature, top_p: topP, top_k: topK, max_tokens: maxTokens, seed }))
    if (text.trim() !== '' && Number.isFinite(Number(text))) given[name] = Number(text)
  if (stop !== '') given['stop'] = [stop.replaceAll('\\n', '\n')]
  return given
}

const NUMBERS = [
  { name: 'temperature', label: 'Temperature', min: 0, max: 2, step: 0.05, default: 'temperature' },
  { name: 'topP', label: 'Top P', min: 0, max: 1, step: 0.01, default: 'topP' },
  { name: 'topK', label: 'Top K', min: 0, max: 4_194_304, step: 1, default: 'topK' },
  { name: 'maxTokens', label: 'Most tokens', min: 1, max: undefined, step: 1, default: undefined },
  { name: 'seed', label: 'Seed', min: undefined, max: undefined, step: 1, default: undefined },
] as const

interface SettingsFormProps {
  readonly model: ModelStatus | undefined
  readonly settings: Settings
  readonly onChange: (settings: Settings) => void
}

export function SettingsForm({ model, settings, onChange }: SettingsFormProps) {
  const change = (name: keyof Settings) => (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) =>
    onChange({ ...settings, [name]: event.currentTarget.value })
  const usual = (name: string | undefined): string => String(name === undefined ? '' : (model?.sampling?.[name] ?? ''))
  return (
    <details class="card settings">
      <summary>Settings</summary>
      <div class="fields">
        {NUMBERS.map(({ name, label, min, max, step, default: usualName }) => (
          <label key={name}>
            {label}
            <input
              type="number"
              inputMode="decimal"
              min={min}
              max={max}
              step={step}
              value={settings[name]}
              placeholder={usual(usualName) || (name === 'seed' ? 'random' : 'to the end')}
              onInput={change(name)}
            />
          </label>
        ))}
        <label>
          Stop at
          <input type="text" value={settings.stop} placeholder="nothing" onInput={change('stop')} />
        </label>
        {model?.hasChatTemplate && (
          <label class="wide">
            Instruction before the conversation
            <textarea rows={2} value={settings.system} onInput={change('system')} />
          </label>
        )}
      </div>
      <p class="note">Empty fields leave the choice to the model; grey numbers are what it chooses.</p>
    </details>
  )
}

import { useEffect, useState } from 'preact/hooks'

const THEMES = ['auto', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const KEY = 'hence-theme'

function stored(): Theme {
  return THEMES.find(theme => theme === localStorage.getItem(KEY)) ?? 'auto'
}

/** Chooses between light, dark, and what the system says. */
export function ThemeChoice() {
  const [theme, setTheme] = useState(stored)
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme
    localStorage.setItem(KEY, theme)
  }, [theme])
  return (
    <label class="theme">
      <span class="hidden">Colours</span>
      <select value={theme} onChange={event => setTheme(event.currentTarget.value as Theme)}>
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  )
}

/** Light or dark: the system's choice until the reader makes another. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'

const key = 'pop-theme'
const choices = ['auto', 'light', 'dark'] as const
type Theme = (typeof choices)[number]
const marks: Readonly<Record<Theme, string>> = { auto: '◐', light: '○', dark: '●' }

export function ThemeButton(): VNode {
  const [theme, setTheme] = useState<Theme>(() => apply(stored()))
  const next = choices[(choices.indexOf(theme) + 1) % choices.length] ?? 'auto'
  return (
    <button
      type="button"
      class="small theme"
      onClick={() => setTheme(apply(next))}
      aria-label={`Colours: ${theme}; change to ${next}`}
    >
      <span aria-hidden="true">{marks[theme]}</span> {theme}
    </button>
  )
}

function apply(theme: Theme): Theme {
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  try {
    localStorage.setItem(key, theme)
  } catch {
    // A page from the disk may have no storage: the choice lasts as long as the page.
  }
  return theme
}

function stored(): Theme {
  try {
    return choices.find((one) => one === localStorage.getItem(key)) ?? 'auto'
  } catch {
    return 'auto'
  }
}

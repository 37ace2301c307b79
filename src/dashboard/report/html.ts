/**
 * Markup with escaping by default: whatever is put into a template is text unless it is `Html` already.
 * What a model wrote can therefore never become markup. Knows no page.
 */

/** Markup that is known to be safe: made by `html` only. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

export type Content = Html | string | number | null | undefined | false | readonly Content[]

/** `html\`<p title="${text}">${text}</p>\``: put values between tags or inside double-quoted attributes only. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  const parts = strings.map((literal, i) => (i === 0 ? literal : markupOf(values[i - 1]) + literal))
  return new Html(parts.join(''))
}

function markupOf(value: Content): string {
  if (value == null || value === false) return ''
  if (value instanceof Html) return value.markup
  if (typeof value === 'string') return escape(value)
  if (typeof value === 'number') return String(value)
  return value.map(markupOf).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as HTML: markup characters as entities, characters that HTML forbids as U+FFFD. */
export function escape(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
    .replaceAll(/[^\P{Cc}\t\n\r]|\p{Cs}/gu, '\uFFFD')
}

/**
 * Prompt templates: text with `{{slot}}` where a section belongs. A template is cut at its slots once, before anything is
 * filled in, and joined again with the sections between: what fills a slot is never read as a template, whatever braces,
 * tags or fences it holds. Knows no role.
 */
import { ConfigError } from '../../core/errors.ts'
import { renderSection, type SectionStyle } from './sections.ts'

/** A slot's content: one section, or a numbered section for each text of a list (`<candidate_1>`, `<candidate_2>`, …). */
export type SlotContent = string | readonly string[]

export interface Template {
  /** Text before, between and after the slots: one more than there are slots. */
  readonly texts: readonly string[]
  readonly slots: readonly string[]
}

const SLOT = /\{\{([A-Za-z_]{1,40})\}\}/

/**
 * Reads a template and checks that it has each of `slots` exactly once and no other.
 * Throws `ConfigError`, naming `where`, when it has not.
 */
export function compileTemplate(source: string, slots: readonly string[], where: string): Template {
  const parts = source.trim().split(SLOT)
  const texts = parts.filter((_part, index) => index % 2 === 0)
  const found = parts.filter((_part, index) => index % 2 === 1)
  for (const slot of found) {
    if (!slots.includes(slot)) {
      throw new ConfigError(
        `${where}: unknown slot {{${slot}}}; this template can use ${slots.map((s) => `{{${s}}}`).join(', ')}`,
      )
    }
  }
  for (const slot of slots) {
    const times = found.filter((other) => other === slot).length
    if (times !== 1)
      throw new ConfigError(`${where}: the slot {{${slot}}} must stand in the template once, not ${times} times`)
  }
  return { texts, slots: found }
}

/** Fills every slot with its section or sections. */
export function renderTemplate(
  template: Template,
  contents: Readonly<Record<string, SlotContent>>,
  style: SectionStyle,
): string {
  return template.texts
    .map((text, index) => {
      const slot = template.slots[index]
      return slot === undefined ? text : text + renderSlot(slot, contents[slot] ?? '', style)
    })
    .join('')
}

function renderSlot(slot: string, content: SlotContent, style: SectionStyle): string {
  if (typeof content === 'string') return renderSection(slot, content, style)
  if (content.length === 0) return '(none)'
  return content.map((text, index) => renderSection(`${slot}_${index + 1}`, text, style)).join('\n\n')
}

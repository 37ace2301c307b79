/** How a piece of other people's text is set apart in a prompt. Knows no role. */
import { makeInert } from './inert.ts'

/** `xml`: `<document>…</document>`. `plain`: a heading and a fence. A task chooses; the wording of its prompts fits both. */
export type SectionStyle = 'xml' | 'plain'

/**
 * A section whose content can neither end it nor open another: in `xml` every tag of ours inside is inert, in `plain` the
 * fence is longer than any run of backticks inside. `name` is ours, never untrusted.
 */
export function renderSection(name: string, content: string, style: SectionStyle): string {
  const inert = makeInert(content)
  if (style === 'xml') return `<${name}>\n${inert}\n</${name}>`
  const fence = '`'.repeat(Math.max(3, longestRun(inert) + 1))
  return `${name}:\n${fence}\n${inert}\n${fence}`
}

/** Length of the longest run of backticks. */
function longestRun(text: string): number {
  let longest = 0
  for (const run of text.matchAll(/`+/g)) longest = Math.max(longest, run[0].length)
  return longest
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escape, html } from './html.ts'

const decode = (markup: string): string =>
  markup
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

describe('html', () => {
  it('escapes every value, in text and in attributes', () => {
    const text = `<b a="1" c='2'>&amp;`
    expect(html`<p title="${text}">${text}</p>`.markup).toBe(
      '<p title="&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;">&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;</p>',
    )
  })

  it('keeps markup of its own, joins lists and leaves nothing out of nothing', () => {
    const items = ['a', html`<i>${'<'}</i>`, null, undefined, false, 0] as const
    expect(html`${items}`.markup).toBe('a<i>&lt;</i>0')
  })

  it('gives any text back to a reader, with no markup character in between', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = escape(text)
        expect(escaped).not.toMatch(/[<>"']/)
        expect(decode(escaped)).toBe(text.replaceAll(/[^\P{Cc}\t\n\r]/gu, '\uFFFD'))
      }),
    )
  })

  it('replaces what HTML cannot hold: NUL, control characters, lone surrogates', () => {
    expect(escape('a\u0000b\u001Bc\uD800d\n\u{1F600}')).toBe('a\uFFFDb\uFFFDc\uFFFDd\n\u{1F600}')
  })
})

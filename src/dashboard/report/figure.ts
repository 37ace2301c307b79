/** A drawing as a figure of the report: static SVG, so it prints, works from disk and is read by a screen reader through its label. */
import { keySize, type Drawing, type Legend } from '../charts/drawing.ts'
import type { Shape } from '../charts/shape.ts'
import { html, type Html } from './html.ts'

export function figure({ title, label, area, shapes, legend }: Drawing, kind = ''): Html {
  return html`<figure class="${kind}">
    <figcaption>${title}</figcaption>
    <svg class="chart" viewBox="0 0 ${area.width} ${area.height}" role="img" aria-label="${title}. ${label}">
      ${shapes.map(element)}
    </svg>
    ${legend.items.length > 0 && key(legend)}
  </figure>`
}

/** Tags and names of attributes are a closed list; values and texts are escaped. */
function element({ tag, attributes, children }: Shape): Html {
  const given = Object.entries(attributes).map(([name, value]) => html` ${name}="${value}"`)
  const inside = children.map((child) => (typeof child === 'string' ? child : element(child)))
  return html`<${tag}${given}>${inside}</${tag}>`
}

function key({ note, items }: Legend): Html {
  return html`<p class="legend">
    ${note !== undefined && html`<span>${note}</span>`}
    ${items.map(
      ({ name, value, key: mark }) =>
        html`<span
          ><svg class="key" viewBox="0 0 ${keySize} ${keySize}" aria-hidden="true">${element(mark)}</svg>${name}
          ${value !== undefined && html`<b>${value}</b>`}</span
        >`,
    )}
  </p>`
}

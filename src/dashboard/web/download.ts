/** Saves what is on the screen: tables as CSV or JSON, charts as SVG or PNG. Nothing leaves the browser. */
import { csvOf, type Table } from '../views/table.ts'

export function saveText(name: string, type: string, text: string): void {
  save(name, new Blob([text], { type }))
}

/** With a mark for spreadsheets that it is UTF-8. */
export function saveCsv(name: string, table: Table): void {
  saveText(`${name}.csv`, 'text/csv', `\uFEFF${csvOf(table)}`)
}

export function saveJson(name: string, value: unknown): void {
  saveText(`${name}.json`, 'application/json', `${JSON.stringify(value, null, 2)}\n`)
}

export function saveSvg(name: string, chart: SVGSVGElement): void {
  saveText(`${name}.svg`, 'image/svg+xml', standAlone(chart))
}

/** At twice the size on the screen. */
export async function savePng(name: string, chart: SVGSVGElement): Promise<void> {
  const { width, height } = chart.getBoundingClientRect()
  const image = new Image()
  const address = URL.createObjectURL(new Blob([standAlone(chart)], { type: 'image/svg+xml' }))
  try {
    image.src = address
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(width * 2)
    canvas.height = Math.round(height * 2)
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
    const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
    if (png !== null) save(`${name}.png`, png)
  } finally {
    URL.revokeObjectURL(address)
  }
}

const styled = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'font', 'text-anchor'] as const

/** The chart with its looks written into it, for where there is no style sheet. */
function standAlone(chart: SVGSVGElement): string {
  const copy = chart.cloneNode(true) as SVGSVGElement
  const originals = [chart, ...chart.querySelectorAll('*')]
  for (const [i, element] of [copy, ...copy.querySelectorAll('*')].entries()) {
    const original = originals[i]
    if (original === undefined) continue
    const looks = getComputedStyle(original)
    for (const name of styled) element.setAttribute(name, looks.getPropertyValue(name))
    element.removeAttribute('class')
  }
  const { width, height } = chart.getBoundingClientRect()
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  copy.setAttribute('width', String(Math.round(width)))
  copy.setAttribute('height', String(Math.round(height)))
  const back = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  back.setAttribute('width', '100%')
  back.setAttribute('height', '100%')
  back.setAttribute('fill', getComputedStyle(document.body).backgroundColor)
  copy.prepend(back)
  return new XMLSerializer().serializeToString(copy)
}

function save(name: string, blob: Blob): void {
  const anchor = document.createElement('a')
  anchor.href = URL.createObjectURL(blob)
  anchor.download = name.replaceAll(/[^\w.-]+/g, '-')
  anchor.click()
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000)
}

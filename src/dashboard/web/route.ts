/** The address of a view: everything that is shown follows from it, so that a link shows the same. Knows no screen. */
import { useLayoutEffect, useState } from 'preact/hooks'

export const screens = ['run', 'examples', 'question', 'compare', 'trust'] as const
export type Screen = (typeof screens)[number]

export interface Route {
  readonly run: string
  readonly screen: Screen
  readonly parameters: ReadonlyMap<string, string>
}

/** `#/0/examples?round=1`: behind the hash, so that it works from a disk as well. */
export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [run = '', name = ''] = path.split('/')
  const screen = screens.find((one) => one === name) ?? 'run'
  return { run: run === '' ? '0' : safeDecode(run), screen, parameters: new Map(new URLSearchParams(query)) }
}

export function linkTo({ run, screen, parameters }: Route): string {
  const query = new URLSearchParams([...parameters]).toString()
  return `#/${encodeURIComponent(run)}/${screen}${query === '' ? '' : `?${query}`}`
}

export function link(run: string, screen: Screen, parameters: Readonly<Record<string, string | number>> = {}): string {
  const entries = Object.entries(parameters).map(([key, value]): [string, string] => [key, String(value)])
  return linkTo({ run, screen, parameters: new Map(entries) })
}

/** Shows another view; `replace` leaves no step in the history, for what is typed or dragged. */
export function show(route: Route, replace = false): void {
  const hash = linkTo(route)
  if (!replace) location.hash = hash
  else {
    history.replaceState(null, '', hash)
    dispatchEvent(new HashChangeEvent('hashchange'))
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useLayoutEffect(() => {
    const onChange = (): void => setRoute(readRoute(location.hash))
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  return route
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

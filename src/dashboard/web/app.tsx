/** The frame around the screens: which run, which screen, whether it is live. */
import type { VNode } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { RunCard } from '../views/wire.ts'
import { FeedContext, useData, type Feed } from './data.ts'
import { Pill, Show } from './parts.tsx'
import { link, show, useRoute, type Route, type Screen } from './route.ts'
import { CompareScreen } from './screens/compare.tsx'
import { ExamplesScreen } from './screens/examples.tsx'
import { QuestionScreen } from './screens/question.tsx'
import { RunScreen } from './screens/run.tsx'
import { TrustScreen } from './screens/trust.tsx'
import type { Source } from './source.ts'
import { Inline } from './text.tsx'
import { ThemeButton } from './theme.tsx'

const tabs: readonly (readonly [Screen, string])[] = [
  ['run', 'Run'],
  ['examples', 'Examples'],
  ['compare', 'Compare'],
  ['trust', 'Trust'],
]

export function App({ source }: { source: Source }): VNode {
  const [tick, setTick] = useState(0)
  const [connected, setConnected] = useState(true)
  useEffect(() => source.watch(() => setTick((value) => value + 1), setConnected), [source])
  const feed = useMemo((): Feed => ({ source, tick }), [source, tick])
  return (
    <FeedContext.Provider value={feed}>
      <Frame connected={connected} />
    </FeedContext.Provider>
  )
}

function Frame({ connected }: { connected: boolean }): VNode {
  const route = useRoute()
  const runs = useData<readonly RunCard[]>('runs')
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header class="top">
        <strong class="brand">POP</strong>
        {runs.state === 'ready' && <RunPicker runs={runs.value} route={route} />}
        <nav aria-label="Screens">
          {tabs.map(([screen, name]) => {
            const current = screen === route.screen || (screen === 'examples' && route.screen === 'question')
            return (
              <a key={screen} href={link(route.run, screen)} {...(current ? { 'aria-current': 'page' as const } : {})}>
                {name}
              </a>
            )
          })}
        </nav>
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1}>
        {!connected && (
          <p class="banner bad" role="alert">
            Not connected to the viewer: what is shown may be old. It reconnects by itself.
          </p>
        )}
        <Show loaded={runs}>{(all) => <RunOf runs={all} route={route} />}</Show>
      </main>
    </>
  )
}

function RunOf({ runs, route }: { runs: readonly RunCard[]; route: Route }): VNode {
  const run = runs.find(({ id }) => id === route.run)
  useEffect(() => {
    document.title = run === undefined ? 'POP' : `${run.name} · ${route.screen} · POP`
  }, [run?.name, route.screen])
  if (run === undefined) return <p class="state bad">There is no such run here.</p>
  return (
    <>
      {run.indexed < 1 && (
        <p class="banner" role="status">
          Reading the run folder: {Math.floor(100 * run.indexed)} %. What is shown grows meanwhile.
        </p>
      )}
      {screenOf(route, run, runs)}
    </>
  )
}

function screenOf(route: Route, run: RunCard, runs: readonly RunCard[]): VNode {
  switch (route.screen) {
    case 'run':
      return <RunScreen run={run} />
    case 'examples':
      return <ExamplesScreen route={route} scale={run.scale} />
    case 'question':
      return <QuestionScreen route={route} />
    case 'compare':
      return <CompareScreen route={route} runs={runs} />
    case 'trust':
      return <TrustScreen run={run} />
  }
}

function RunPicker({ runs, route }: { runs: readonly RunCard[]; route: Route }): VNode {
  const current = runs.find(({ id }) => id === route.run)
  return (
    <div class="picker">
      {runs.length === 1 ? (
        <Inline text={runs[0]?.name ?? ''} length={60} />
      ) : (
        <select
          aria-label="Run"
          value={route.run}
          onChange={(event) =>
            show({
              run: event.currentTarget.value,
              screen: route.screen === 'question' ? 'examples' : route.screen,
              parameters: new Map(),
            })
          }
        >
          {runs.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      {current !== undefined && <Pill name={current.state} />}
    </div>
  )
}

/** The address holds the view, so the link cannot name a place in it. */
function skip(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

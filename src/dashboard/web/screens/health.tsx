/** The health of each round's training signal: each check's value by round beside its limits, and what to do. */
import type { VNode } from 'preact'
import type { HealthReport } from '../../../records/index.ts'
import { percent, roundName, short } from '../../views/format.ts'
import { healthTable } from '../../views/tables.ts'
import type { RoundOverview } from '../../views/wire.ts'
import { Card, Scroll } from '../parts.tsx'
import { Inline } from '../text.tsx'

type Check = HealthReport['checks'][number]

interface Told {
  readonly round: number
  readonly health: HealthReport
}

export function HealthCard({ rounds }: { rounds: readonly RoundOverview[] }): VNode | null {
  const told = rounds.flatMap(({ round, health }): Told[] => (health === null ? [] : [{ round, health }]))
  const last = told.at(-1)
  if (last === undefined) return null
  const warnings = last.health.checks.filter(({ advice }) => advice !== null)
  return (
    <Card title="Health of the training signal">
      <Scroll label="health of the training signal" table={healthTable(told)}>
        <table>
          <thead>
            <tr>
              <th scope="col">check</th>
              {told.map(({ round }) => (
                <th key={round} scope="col">
                  {roundName(round)}
                </th>
              ))}
              <th scope="col">warns</th>
              <th scope="col">stops</th>
            </tr>
          </thead>
          <tbody>
            {last.health.checks.map((check) => (
              <CheckRow key={check.name} check={check} told={told} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {warnings.map(({ name, label, advice }) => (
        <p key={name} class="banner">
          <b>{label}</b>, {roundName(last.round)}: <Inline text={advice ?? ''} length={1000} />
        </p>
      ))}
    </Card>
  )
}

const marks: Readonly<Record<Check['state'], string>> = { good: '', warning: '▲ ', stop: '■ ', unknown: '' }
const kinds: Readonly<Record<Check['state'], string>> = { good: 'good', warning: 'mid', stop: 'bad', unknown: 'soft' }

function CheckRow({
  check: { name, label, unit, limit, warn, stop },
  told,
}: {
  check: Check
  told: readonly Told[]
}): VNode {
  const written = (value: number | null): string => (unit === 'share' ? percent(value) : short(value))
  const bound = (at: number | false): string =>
    at === false ? '–' : `${limit === 'most' ? '≥' : '≤'} ${unit === 'share' ? `${short(100 * at)} %` : short(at)}`
  return (
    <tr>
      <th scope="row" class="label">
        {label}
      </th>
      {told.map(({ round, health }) => {
        const found = health.checks.find((one) => one.name === name)
        if (found === undefined) return <td key={round}>–</td>
        const { value, of, state } = found
        return (
          <td key={round} title={`${state}, of ${of}`}>
            <b class={kinds[state]}>
              {marks[state]}
              {value === null ? 'not measured' : written(value)}
            </b>{' '}
            {value !== null && <small>of {of}</small>}
          </td>
        )
      })}
      <td class="soft">{bound(warn)}</td>
      <td class="soft">{bound(stop)}</td>
    </tr>
  )
}

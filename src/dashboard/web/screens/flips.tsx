/** Answers held against each other, in both orders: who wins, and whether the judge's word holds when they change places. */
import type { VNode } from 'preact'
import { evenAt, orderVerdict, type OrderVerdict } from '../../views/flips.ts'
import { number, percent, words } from '../../views/format.ts'
import { flipTable } from '../../views/tables.ts'
import type { Comparison } from '../../../records/index.ts'
import type { QuestionPage } from '../../views/wire.ts'
import { Card, Scroll } from '../parts.tsx'

export function FlipsCard({ page: { example, scoringMode } }: { page: QuestionPage }): VNode | null {
  const { comparisons = [] } = example
  if (comparisons.length === 0) return null
  if (scoringMode === null) {
    return (
      <Card title="Order flips">
        <p class="soft">The configuration cannot be read: what an even verdict is in these comparisons is not known.</p>
      </Card>
    )
  }
  const even = evenAt(scoringMode)
  const verdicts = comparisons.map((comparison) => orderVerdict(comparison, even))
  const count = (verdict: OrderVerdict): number => verdicts.filter((one) => one === verdict).length
  const decided = count('holds') + count('flips')
  return (
    <Card title="Order flips">
      <p>
        <b>{count('flips')}</b> of {decided} verdicts flip when the two answers change places
        {decided > 0 && ` (${percent(count('flips') / decided)})`}. {count('undecided')} are even in one order at least,{' '}
        {count('void')} are void: one order could not be had.
      </p>
      <Scroll label="Order flips" table={flipTable(comparisons, verdicts)} tall={comparisons.length > 12}>
        <table>
          <thead>
            <tr>
              <th scope="col">answers</th>
              <th scope="col">for the first, shown first</th>
              <th scope="col">shown second</th>
              <th scope="col">mean</th>
              <th scope="col" class="words">
                verdict
              </th>
            </tr>
          </thead>
          <tbody>
            {flipsFirst(verdicts).map((i) => {
              const comparison = comparisons[i]
              return comparison && <Row key={i} comparison={comparison} verdict={verdicts[i] ?? 'void'} />
            })}
          </tbody>
        </table>
      </Scroll>
      <p class="soft">
        {even === 0
          ? 'The difference of the two ratings, −10 to 10; the second answer is the anchor.'
          : '1: the first answer won, 0: the second did.'}
      </p>
    </Card>
  )
}

/** Places of the comparisons. */
function flipsFirst(verdicts: readonly OrderVerdict[]): number[] {
  const rank = (i: number | undefined): number => (verdicts[i ?? 0] === 'flips' ? 0 : 1)
  return verdicts.map((_, i) => i).sort((a, b) => rank(a) - rank(b) || a - b)
}

const kinds: Readonly<Record<OrderVerdict, string>> = { holds: 'good', flips: 'bad', undecided: 'mid', void: 'mid' }

function Row({
  comparison: { first, second, shownFirst, shownSecond, value },
  verdict,
}: {
  comparison: Comparison
  verdict: OrderVerdict
}): VNode {
  const said = (outcome: Comparison['shownFirst']): string =>
    typeof outcome === 'number' ? number(outcome, 2) : words(outcome)
  return (
    <tr class={verdict === 'flips' ? 'flips' : ''}>
      <th scope="row">
        {first} and {second}
      </th>
      <td>{said(shownFirst)}</td>
      <td>{said(shownSecond)}</td>
      <td>{number(value, 2)}</td>
      <td class="words">
        <span class={`pill ${kinds[verdict]}`}>{verdict}</span>
      </td>
    </tr>
  )
}

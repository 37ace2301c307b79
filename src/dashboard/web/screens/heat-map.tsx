/** Answers × criteria: the judge's ratings as colours and numbers, its reasons under the pointer and in full below. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { Candidate, CriterionRating, Example, Rubric } from '../../../records/index.ts'
import { bestFirst, ratingsOf, sideOf } from '../../views/answers.ts'
import { number, words } from '../../views/format.ts'
import type { Table } from '../../views/table.ts'
import type { AnswerPair } from '../../views/wire.ts'
import { Scroll } from '../parts.tsx'
import { Block, Inline } from '../text.tsx'

interface Selected {
  readonly index: number
  readonly criterion: number
}

export function HeatMap({ example, pairs }: { example: Example; pairs: readonly AnswerPair[] }): VNode {
  const [selected, setSelected] = useState<Selected | null>(null)
  const [byScore, setByScore] = useState(true)
  const { candidates } = example
  // Answers that were only held against each other have no ratings.
  const criteria = candidates.some(({ evaluation }) => evaluation !== null) ? (example.rubric ?? []) : []
  if (candidates.length === 0) return <p class="soft">No answers were sampled.</p>
  const sorted = byScore ? bestFirst(candidates) : candidates
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={byScore} onChange={(event) => setByScore(event.currentTarget.checked)} />
        best first
      </label>
      <Scroll label="Answers by criterion" table={tableOf(sorted, criteria)}>
        <table class="heat">
          <thead>
            <tr>
              <th scope="col">answer</th>
              <th scope="col">score</th>
              {criteria.map(({ name, weight }, i) => (
                <th key={i} scope="col">
                  <Inline text={name} length={40} />
                  <small> × {weight}</small>
                </th>
              ))}
              <th scope="col" class="words">
                text
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((candidate) => (
              <Answer
                key={candidate.index}
                candidate={candidate}
                criteria={criteria}
                mark={sideOf(candidate.index, pairs) ?? ''}
                selected={selected?.index === candidate.index ? selected.criterion : null}
                onSelect={(criterion) => setSelected({ index: candidate.index, criterion })}
              />
            ))}
          </tbody>
        </table>
      </Scroll>
      {selected === null && criteria.length > 0 && (
        <p class="soft">Hover over a rating for the judge's reason, press it for all of it.</p>
      )}
      {selected !== null && <Reason example={example} selected={selected} />}
    </>
  )
}

function tableOf(candidates: readonly Candidate[], criteria: Rubric): Table {
  return {
    header: ['answer', 'score', 'not scored', ...criteria.map(({ name }) => name), 'text'],
    rows: candidates.map((candidate) => {
      const { index, score, answer, response } = candidate
      const said = score.status === 'scored' ? [score.value, null] : [null, score.reason]
      const ratings = criteria.map(({ name }) => ratingOf(candidate, name)?.rating ?? null)
      return [index, ...said, ...ratings, answer ?? response]
    }),
  }
}

function Answer({
  candidate,
  criteria,
  mark: name,
  selected,
  onSelect,
}: {
  candidate: Candidate
  criteria: Rubric
  mark: string
  selected: number | null
  onSelect: (criterion: number) => void
}): VNode {
  const { index, score, answer, response, invalid } = candidate
  return (
    <tr class={name}>
      <th scope="row">
        {index}
        {name !== '' && <small> {name}</small>}
      </th>
      <td>{score.status === 'scored' ? number(score.value, 2) : words(score.reason)}</td>
      {criteria.map((criterion, i) => (
        <td key={i} class="heat-cell">
          <Rating
            label={`Answer ${index}, ${criterion.name.slice(0, 60)}`}
            rating={ratingOf(candidate, criterion.name)}
            pressed={selected === i}
            onPress={() => onSelect(i)}
          />
        </td>
      ))}
      <td class="words">
        <Inline text={answer ?? response} length={300} />
        {invalid !== undefined && <small class="bad"> unreadable: {words(invalid)}</small>}
      </td>
    </tr>
  )
}

function Rating({
  label,
  rating,
  pressed,
  onPress,
}: {
  label: string
  rating: CriterionRating | undefined
  pressed: boolean
  onPress: () => void
}): VNode {
  if (rating === undefined) return <span class="soft">–</span>
  return (
    <button
      type="button"
      class={`heat-button r${level(rating.rating)}`}
      title={rating.thoughts.slice(0, 600)}
      aria-pressed={pressed}
      aria-label={`${label}: ${rating.rating}. Show the reason`}
      onClick={onPress}
    >
      {rating.rating}
    </button>
  )
}

function Reason({ example, selected }: { example: Example; selected: Selected }): VNode | null {
  const candidate = example.candidates.find(({ index }) => index === selected.index)
  const criterion = example.rubric?.[selected.criterion]
  if (candidate === undefined || criterion === undefined) return null
  const ratings = ratingsOf(candidate, criterion.name)
  const rating = ratings.at(-1)
  return (
    <div class="reason" aria-live="polite">
      <h3>
        Answer {selected.index}, <Inline text={criterion.name} />: {rating?.rating ?? '–'}
      </h3>
      {ratings.length > 1 && (
        <p class="soft">
          A criterion of this name was rated {ratings.length} times ({ratings.map((one) => one.rating).join(', ')}); the
          last rating counts.
        </p>
      )}
      <Block text={rating?.thoughts ?? ''} label="the judge's reason" />
      <h3>The answer</h3>
      <Block text={candidate.answer ?? candidate.response} label={`answer ${selected.index}`} />
    </div>
  )
}

/** The one that counts: of a name rated twice the last. */
function ratingOf(candidate: Candidate, name: string): CriterionRating | undefined {
  return ratingsOf(candidate, name).at(-1)
}

function level(rating: number): number {
  return Math.max(0, Math.min(2, Math.round(rating)))
}

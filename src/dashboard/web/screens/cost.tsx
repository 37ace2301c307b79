/** Tokens by stage and model, and what they cost: at the prices of the configuration, or at prices that the reader gives. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { CostLine, Costs } from '../../views/costs.ts'
import { count, money } from '../../views/format.ts'
import { costTable } from '../../views/tables.ts'
import { Card, Scroll } from '../parts.tsx'
import { Inline } from '../text.tsx'

const million = 1_000_000

export function CostCard({ costs: { lines, total, unpriced } }: { costs: Costs }): VNode {
  const [input, setInput] = useState(0)
  const [output, setOutput] = useState(0)
  const asked = input > 0 || output > 0
  const costOf = ({ cost, promptTokens, completionTokens }: CostLine): number | null =>
    cost ?? (asked ? (promptTokens * input + completionTokens * output) / million : null)
  const priced = total !== null || asked
  const sum = lines.reduce((all, line) => all + (costOf(line) ?? 0), 0)
  return (
    <Card title="Tokens and cost">
      {priced && (
        <p>
          <b>{money(sum)}</b> so far
          {unpriced.length > 0 && !asked && `, without ${unpriced.length} of the models: they have no price`}
        </p>
      )}
      {unpriced.length > 0 && (
        <div class="filters">
          <Price name="Price per million tokens in" value={input} onChange={setInput} />
          <Price name="… out" value={output} onChange={setOutput} />
          <span class="soft">for models without a price in the configuration</span>
        </div>
      )}
      <Scroll label="Tokens and cost" table={costTable(lines, costOf)}>
        <table>
          <thead>
            <tr>
              <th scope="col">stage</th>
              <th scope="col" class="words">
                model
              </th>
              <th scope="col">calls</th>
              <th scope="col">tokens in</th>
              <th scope="col">tokens out</th>
              {priced && <th scope="col">cost</th>}
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={`${line.stage} ${line.model}`}>
                <th scope="row">{line.stage}</th>
                <td class="words">
                  <Inline text={line.model} length={60} />
                </td>
                <td>{count(line.calls)}</td>
                <td>{count(line.promptTokens)}</td>
                <td>{count(line.completionTokens)}</td>
                {priced && <td>{money(costOf(line))}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  )
}

function Price({ name, value, onChange }: { name: string; value: number; onChange: (value: number) => void }): VNode {
  return (
    <label>
      {name}
      <input
        type="number"
        min="0"
        step="0.01"
        value={value}
        onInput={(event) => onChange(Math.max(0, event.currentTarget.valueAsNumber || 0))}
      />
    </label>
  )
}

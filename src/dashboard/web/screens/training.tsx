/** Training curves over all rounds. */
import type { VNode } from 'preact'
import { trainingLines } from '../../charts/of-run.ts'
import type { RoundOverview } from '../../views/wire.ts'
import { LineChart } from '../charts/line-chart.tsx'
import { Card } from '../parts.tsx'

export function TrainingCard({ rounds }: { rounds: readonly RoundOverview[] }): VNode {
  const charts = trainingLines(rounds)
  return (
    <div class="wide">
      <Card title="Training">
        {charts.length === 0 && <p class="soft">Nothing was trained yet.</p>}
        {charts.length > 0 && (
          <div class="grid">
            {charts.map((lines) => (
              <LineChart key={lines.title} lines={lines} />
            ))}
          </div>
        )}
      </Card>
    </div>
  )
}

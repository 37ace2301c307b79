/** Keeps the table of all rounds' questions, and adds to it what was added to the rounds. */
import { RowTable } from '../views/query.ts'
import type { ExampleRow, ScoreScale } from '../views/wire.ts'

interface Round {
  readonly rows: readonly ExampleRow[]
  /** Goes up when its rows were forgotten. */
  readonly restarts: number
}

export class TableKeeper {
  private table = new RowTable()
  private scale = ''
  private held: { rows: readonly ExampleRow[]; restarts: number; count: number }[] = []

  tableOf(rounds: readonly Round[], scale: ScoreScale): RowTable {
    const { held } = this
    // Rows stand in the order of the rounds: only what is behind all others can be added.
    const isAhead = held.every(({ rows, restarts, count }, i) => {
      const now = rounds[i]
      const last = i === held.length - 1
      return (
        now?.rows === rows && now.restarts === restarts && (last ? now.rows.length >= count : now.rows.length === count)
      )
    })
    if (!isAhead || this.scale !== JSON.stringify(scale)) {
      this.table = new RowTable([], scale)
      this.scale = JSON.stringify(scale)
      this.held = []
    }
    for (const [i, { rows, restarts }] of rounds.entries()) {
      const count = this.held[i]?.count ?? 0
      if (rows.length > count) this.table.add(rows.slice(count))
      this.held[i] = { rows, restarts, count: rows.length }
    }
    return this.table
  }
}

/** What share of each role's replies could be used, and why the others could not. Knows no limit. */
import type { Candidate, Example, RoleHealth } from '../records/index.ts'

type Role = RoleHealth['role']

export class RoleTally {
  private readonly roles = {
    proposer: { asked: 0, valid: 0, reasons: new Map<string, number>() },
    solver: { asked: 0, valid: 0, reasons: new Map<string, number>() },
    rubric: { asked: 0, valid: 0, reasons: new Map<string, number>() },
    scorer: { asked: 0, valid: 0, reasons: new Map<string, number>() },
  }

  add(example: Example): void {
    const failure = example.failure ?? ''
    this.count('proposer', example.question === null ? reasonsIn(failure) : null)
    if (example.question === null) return
    for (const candidate of example.candidates) this.addAnswer(candidate)
    const failed = example.status === 'rubricFailed'
    // Without a conversation nobody was asked: `scoring.rubric: none`.
    const asked = example.rubric !== null && example.rubricConversation !== null
    if (failed || asked) this.count('rubric', failed ? reasonsIn(failure) : null)
    if (failed || example.status === 'answersFailed') return
    for (const candidate of example.candidates) this.addScore(candidate)
  }

  /** In the order in which the roles play. */
  finish(): RoleHealth[] {
    return (['proposer', 'solver', 'rubric', 'scorer'] as const).map((role) => {
      const { asked, valid, reasons } = this.roles[role]
      return { role, asked, valid, reasons: Object.fromEntries(reasons) }
    })
  }

  private addAnswer({ answer, invalid }: Candidate): void {
    this.count('solver', answer === null ? [invalid ?? 'notValid'] : null)
  }

  /** An answer that could not be read was never shown to a judge, nor was one that curation stopped before. */
  private addScore({ answer, score }: Candidate): void {
    if (answer === null || (score.status === 'unscored' && score.reason === 'noRubric')) return
    this.count('scorer', score.status === 'scored' ? null : [score.reason])
  }

  /** `failures` null: the reply could be used. */
  private count(role: Role, failures: readonly string[] | null): void {
    const tally = this.roles[role]
    tally.asked++
    if (failures === null) tally.valid++
    for (const reason of failures ?? []) tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1)
  }
}

/**
 * The reasons in a failure that is written for people, as synthesis writes it (`noTag ×3, empty ×1`): each once, however many
 * attempts it cost. Other words name a call that never came back.
 */
function reasonsIn(failure: string): string[] {
  const found = Array.from(failure.matchAll(/\b([a-z]+[A-Za-z]*) ×\d/g), ([, reason = '']) => reason)
  if (found.length > 0) return [...new Set(found)]
  return [failure === '' ? 'notValid' : 'callFailed']
}

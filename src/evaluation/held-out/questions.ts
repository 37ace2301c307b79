/** The questions of the held-out suite: written once by the judge, the same for every policy. */
import { deriveSeed } from '../../core/rng.ts'
import type {
  Document,
  FrozenQuestion,
  GenerateRequest,
  Generation,
  LanguageModel,
  Rubric,
} from '../../records/index.ts'
import type { RoleProfile } from '../../roles/index.ts'
import { choose } from '../question-suite.ts'
import type { EvaluationContext } from '../suite.ts'
import { firstParsed, parsed, toRequest } from './asking.ts'
import type { HeldOutOptions } from './options.ts'

/** Those that could be made, in the order of the documents. They live in the journal: a second call asks nobody. */
export async function freezeQuestions(
  options: HeldOutOptions,
  context: EvaluationContext,
): Promise<readonly FrozenQuestion[]> {
  const { documents, frozen, limit } = options
  if (frozen !== undefined) return choose(frozen, limit, context.seed)
  const chosen = choose(documents, limit, context.seed)
  const made = await Promise.all(chosen.map((document) => freezeQuestion(options, context, document)))
  return made.filter((question) => question !== null)
}

async function freezeQuestion(
  options: HeldOutOptions,
  context: EvaluationContext,
  document: Document,
): Promise<FrozenQuestion | null> {
  const { task, judge, secondJudge, groundRubric = true } = options
  const base = `heldout/${document.id}`
  const ask = asker(context, judge)
  const question = await firstParsed(task.proposer, (attempt) =>
    ask(`${base}/propose/a${String(attempt)}`, task.proposer, task.proposer.messages({ document: document.text }), 1),
  )
  if (question === null) return null
  const drafts = await ask(
    `${base}/draft`,
    task.solver,
    task.solver.messages({ problem: question.problem }),
    options.samples,
  )
  const candidates = task.rubricCandidates(drafts.flatMap((draft) => parsed(task.solver, draft) ?? []))
  const material = { problem: question.problem, referenceAnswer: question.referenceAnswer, candidates }
  const write = async (by: Ask, key: string, text: string | null): Promise<Rubric | null> => {
    const messages = task.rubricWriter.messages({ document: text, ...material })
    const [written] = await by(key, task.rubricWriter, messages, 1)
    return written === undefined ? null : parsed(task.rubricWriter, written)
  }
  const [rubric, secondRubric] = await Promise.all([
    write(ask, `${base}/rubric`, groundRubric ? document.text : null),
    secondJudge === undefined ? undefined : write(asker(context, secondJudge), `${base}/second/rubric`, document.text),
  ])
  if (rubric === null) return null
  const { problem } = question
  return { id: document.id, problem, rubric, ...(secondRubric === undefined ? {} : { secondRubric }) }
}

type Ask = (
  key: string,
  profile: Pick<RoleProfile<never, unknown>, 'sampling'>,
  messages: GenerateRequest['messages'],
  n: number,
) => Promise<Generation[]>

function asker(context: EvaluationContext, model: LanguageModel): Ask {
  return (key, profile, messages, n) =>
    context.call(key, model, toRequest(profile, messages, n, deriveSeed(context.seed, key)))
}

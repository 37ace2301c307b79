/**
 * Runs a Jinja template within bounds: a chat template comes with a model folder, and one that loops for ever, or doubles
 * a text sixty times, must end in an error and not in a machine without memory. The one importer of @huggingface/jinja.
 */
import * as library from '@huggingface/jinja'
import { systemClock } from '../../core/clock.ts'

/** Steps of one rendering, nodes and items of walked lists: a template of fifty nodes over thousands of messages stays below. */
const MOST_STEPS = 300_000
/** Characters of a text, items of a list. */
const LONGEST_TEXT = 1 << 26
const LONGEST_LIST = 1 << 20
/** Items that are put into a new list in the time of a step. */
const ITEMS_A_STEP = 4
/** Characters of a template's source. */
const LONGEST_SOURCE = 1 << 20

/** The parts that are used. The library's declarations import each other without file extensions, which Node's resolution does not follow. */
interface JinjaParts {
  Environment: new () => { set(name: string, value: unknown): void }
  Interpreter: new (environment: object) => JinjaInterpreter
  parse: (tokens: unknown) => object
  tokenize: (source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }) => unknown
}
interface JinjaStatement {
  readonly type: string
  /** Of a `For`. */
  readonly iterable?: JinjaStatement
  /** What a `SelectExpression` (`items if condition`) chooses from. */
  readonly lhs?: JinjaStatement
  /** Of a `MemberExpression`. */
  readonly property?: JinjaStatement
}
interface JinjaInterpreter {
  evaluate(statement: JinjaStatement | undefined, environment: object): { value: unknown }
  run(program: object): { value: unknown }
}

const parts: unknown = library
const { Environment, Interpreter, parse, tokenize } = parts as JinjaParts

class BoundedInterpreter extends Interpreter {
  private steps = 0
  /** What gives the lists that a `for` goes through: each item takes a step, be the body empty. */
  private readonly walked = new Set<JinjaStatement>()

  override evaluate(statement: JinjaStatement | undefined, environment: object): { value: unknown } {
    this.charge(1)
    const iterable = statement?.iterable
    if (iterable !== undefined) this.walked.add(iterable.lhs ?? iterable)
    const result = super.evaluate(statement, environment)
    const { value } = result
    if (typeof value === 'string' && value.length > LONGEST_TEXT) throw new Error('it makes too long a text')
    if (statement !== undefined) this.chargeItems(statement, itemsOf(value))
    return result
  }

  private chargeItems(statement: JinjaStatement, items: number): void {
    if (items > LONGEST_LIST) throw new Error('it makes too long a list')
    if (this.walked.has(statement)) this.charge(items)
    else if (!isLookUp(statement)) this.charge(Math.floor(items / ITEMS_A_STEP))
  }

  private charge(steps: number): void {
    this.steps += steps
    if (this.steps > MOST_STEPS) throw new Error(`it takes more than ${MOST_STEPS} steps`)
  }
}

function itemsOf(value: unknown): number {
  if (Array.isArray(value)) return value.length
  return value instanceof Map ? value.size : 0
}

/** Whether it gives a list that was there before; others make one. */
function isLookUp({ type, property }: JinjaStatement): boolean {
  return type === 'Identifier' || (type === 'MemberExpression' && property?.type !== 'SliceExpression')
}

export class BoundedTemplate {
  private readonly program: object

  /** Throws Error when the source cannot be parsed. */
  constructor(source: string) {
    if (source.length > LONGEST_SOURCE) throw new Error(`it has ${source.length} characters`)
    this.program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }))
  }

  /** Throws Error when the template raises one, or goes beyond the bounds. */
  render(variables: Readonly<Record<string, unknown>>): string {
    const environment = new Environment()
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value)
    const { value } = new BoundedInterpreter(environment).run(this.program)
    return String(value)
  }
}

const GLOBALS = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: boundedRange,
  strftime_now: (format: string): string => formatDate(new Date(systemClock.now()), format),
  raise_exception: (message: string): never => {
    throw new Error(message)
  },
}

/** Python's `range`. */
function boundedRange(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (!(length <= LONGEST_LIST)) throw new Error('range() of too many numbers')
  return Array.from({ length }, (_, i) => start + i * step)
}

/** The directives that chat templates use, in English. */
function formatDate(date: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const month = (style: 'long' | 'short'): string => new Intl.DateTimeFormat('en', { month: style }).format(date)
  const parts: Readonly<Record<string, string>> = {
    Y: String(date.getFullYear()),
    m: two(date.getMonth() + 1),
    d: two(date.getDate()),
    b: month('short'),
    B: month('long'),
    H: two(date.getHours()),
    M: two(date.getMinutes()),
    S: two(date.getSeconds()),
    '%': '%',
  }
  return format.replace(/%([YmdbBHMS%])/g, (directive, letter: string) => parts[letter] ?? directive)
}

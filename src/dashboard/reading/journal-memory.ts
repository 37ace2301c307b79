/** What the viewer remembers of a journal file: sums of its calls, and which lines belong to which question. */
import { z } from 'zod'
import { NumberList } from '../../core/number-list.ts'
import { headOfLine, laterVersion, type Kept, type LineMemory, type LinePlace } from '../../store/index.ts'
import { placeOf, questionOf } from '../views/calls.ts'
import { BusyBins, busyBinsSchema } from './busy-bins.ts'
import { StageSums, stageSumsSchema } from './stage-sums.ts'

/** Changes whenever a line would be remembered differently. */
export const journalRecipe = 'journal 6'

const keptSchema = z.strictObject({
  groups: z.array(z.string()),
  sums: stageSumsSchema,
  bins: busyBinsSchema,
  unreadable: z.int(),
  firstUnreadable: z.int().nullable(),
  later: z.number().nullable(),
})

export class JournalMemory implements LineMemory {
  readonly sums = new StageSums()
  readonly bins = new BusyBins()
  /** Lines that are no entry, and where the first of them begins. */
  unreadable = 0
  firstUnreadable: number | null = null
  /** Of the first line that a later version of this program wrote. */
  later: number | null = null
  private readonly groups = new Map<string, number>()
  private offsets = new NumberList()
  private lengths = new NumberList()
  /** Number of each line's group. */
  private groupOf = new NumberList()

  get calls(): number {
    return this.offsets.length
  }

  add(line: Buffer, { offset, length }: LinePlace): void {
    const head = headOfLine(line)
    if (head === null) {
      this.unreadable++
      this.firstUnreadable ??= offset
      this.later ??= laterVersion(line.toString('utf8'))
    }
    if (head === null || head.call === null) return
    const call = { key: head.key, ...head.call }
    const place = placeOf(call.key)
    this.sums.add(call, place)
    this.bins.add(place.stage, call.at - call.ms, call.at, call.completionTokens)
    this.offsets.push(offset)
    this.lengths.push(length)
    this.groupOf.push(this.numberOf(groupOf(call.key)))
  }

  /** Where the calls of a group lie: of a question `r1/<document>/q0`, of a suite `r1/<suite>`. */
  placesOf(group: string): LinePlace[] {
    const number = this.groups.get(group)
    if (number === undefined) return []
    const places: LinePlace[] = []
    const numbers = this.groupOf.view()
    for (let i = numbers.indexOf(number); i >= 0; i = numbers.indexOf(number, i + 1)) {
      places.push({ offset: this.offsets.at(i), length: this.lengths.at(i) })
    }
    return places
  }

  /** Groups that are no question's. */
  suiteGroups(): string[] {
    return [...this.groups.keys()].filter((group) => group.split('/').length < 3)
  }

  clear(): void {
    this.sums.clear()
    this.bins.clear()
    this.unreadable = 0
    this.firstUnreadable = null
    this.later = null
    this.groups.clear()
    this.offsets = new NumberList()
    this.lengths = new NumberList()
    this.groupOf = new NumberList()
  }

  save(): Kept {
    return {
      numbers: { offsets: this.offsets.view(), lengths: this.lengths.view(), groupOf: this.groupOf.view() },
      values: {
        groups: [...this.groups.keys()],
        sums: this.sums.save(),
        bins: this.bins.save(),
        unreadable: this.unreadable,
        firstUnreadable: this.firstUnreadable,
        later: this.later,
      },
    }
  }

  load({ numbers, values }: Kept): boolean {
    const kept = keptSchema.safeParse(values)
    const { offsets, lengths, groupOf: groups } = numbers
    if (!kept.success || offsets === undefined || lengths === undefined || groups === undefined) return false
    if (offsets.length !== lengths.length || offsets.length !== groups.length) return false
    this.clear()
    for (const group of kept.data.groups) this.groups.set(group, this.groups.size)
    this.sums.load(kept.data.sums)
    this.bins.load(kept.data.bins)
    this.unreadable = kept.data.unreadable
    this.firstUnreadable = kept.data.firstUnreadable
    this.later = kept.data.later
    this.offsets = new NumberList(offsets)
    this.lengths = new NumberList(lengths)
    this.groupOf = new NumberList(groups)
    return true
  }

  private numberOf(group: string): number {
    const known = this.groups.get(group)
    if (known !== undefined) return known
    this.groups.set(group, this.groups.size)
    return this.groups.size - 1
  }
}

/** The question or the suite that a call's key belongs to. */
export function groupOf(key: string): string {
  return questionOf(key) ?? key.split('/', 2).join('/')
}

/**
 * The journal of a run: every finished model call and every decision, looked up by what it is. The only state of a run.
 *
 * Files: `journal/round-N.jsonl` takes the entries whose key starts with `rN/`, `journal/run.jsonl` all others; every
 * `*.jsonl` in the folder is read. Memory holds keys and places, not texts: about 250 bytes per entry; texts are read
 * when asked for. Knows neither stages nor prompts.
 */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RunFolderError } from '../core/errors.ts'
import { isJsonObject, parseJson } from '../core/json.ts'
import type { JournalEntry } from '../records/index.ts'
import { cannotWrite } from './atomic.ts'
import { headOf, parseEntry, readHead, type CallCost, type EntryHead } from './call-line.ts'
import { JournalFile, scanLines, type ScannedLine, type Span } from './journal-file.ts'

/** What was found in the files when they were opened. */
export interface JournalHealth {
  readonly entries: number
  /** Lines that are no entry: left where they are, never used. */
  readonly unreadable: number
  /** Where the first of them is, for people. */
  readonly firstUnreadable: string | null
  /** Bytes of torn last lines: cut off by a writer, ignored by a reader. */
  readonly tornBytes: number
}

/** What the finished calls cost, earlier sessions and superseded entries included: they were paid for. */
export interface JournalUsage {
  readonly calls: number
  readonly promptTokens: number
  readonly completionTokens: number
}

/** The part of the usage that one model had in one group of keys. */
export interface ModelUsage extends JournalUsage {
  readonly model: string
  readonly group: string
}

type Spent = { -readonly [key in keyof ModelUsage]: ModelUsage[key] }

export interface JournalOptions {
  readonly readOnly?: boolean
  /** What `usageByModel` tells apart beside models. Default: nothing. */
  readonly groupOf?: (key: string) => string
}

interface Place extends Span {
  readonly inputs: string
  readonly file: string
  /** An entry with the same key and other inputs, made before this one. */
  readonly older: Place | undefined
}

export class Journal {
  private readonly dir: string
  private readonly writable: boolean
  private readonly places = new Map<string, Place>()
  private readonly files = new Map<string, JournalFile>()
  private readonly opening = new Map<string, Promise<JournalFile>>()
  private readonly counts = { entries: 0, unreadable: 0, tornBytes: 0 }
  private firstUnreadable: string | null = null
  private readonly spent = { calls: 0, promptTokens: 0, completionTokens: 0 }
  /** By group, then by model. */
  private readonly spentByModel = new Map<string, Map<string, Spent>>()
  private readonly spentInOrder: Spent[] = []
  private readonly groupOf: (key: string) => string

  private constructor(dir: string, options: JournalOptions) {
    this.dir = dir
    this.writable = options.readOnly !== true
    this.groupOf = options.groupOf ?? ((): string => '')
  }

  /**
   * Reads the folder's files and, unless `readOnly`, repairs torn last lines. The caller holds the run's lock.
   * @throws {RunFolderError} when a file cannot be read or written, or is of a later version of this program.
   */
  static async open(dir: string, options: JournalOptions = {}): Promise<Journal> {
    const journal = new Journal(dir, options)
    if (journal.writable) {
      await mkdir(dir, { recursive: true }).catch((error: unknown) => {
        throw cannotWrite(dir, error)
      })
    }
    const names = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort()
    for (const name of names) await journal.load(name)
    return journal
  }

  get health(): JournalHealth {
    return { ...this.counts, firstUnreadable: this.firstUnreadable }
  }

  get usage(): JournalUsage {
    return { ...this.spent }
  }

  /** The usage again, by model and group, in the order in which they first appeared. */
  usageByModel(): ModelUsage[] {
    return this.spentInOrder.map((usage) => ({ ...usage }))
  }

  /** Keys that have an entry, in the order in which they were first written. */
  keys(): IterableIterator<string> {
    return this.places.keys()
  }

  has(key: string, inputs: string): boolean {
    return this.find(key, inputs) !== undefined
  }

  /** The last entry with this key made from these inputs; undefined, and counted, where its line turns out to be damaged. */
  get(key: string, inputs: string): JournalEntry | undefined {
    const place = this.find(key, inputs)
    return place === undefined ? undefined : this.read(key, place)
  }

  /** The last entry with this key, whatever it was made from. */
  latest(key: string): JournalEntry | undefined {
    const place = this.places.get(key)
    return place === undefined ? undefined : this.read(key, place)
  }

  /**
   * Appends an entry; it is found from the moment this resolves.
   * What is guaranteed then: a call survives the death of this process (SIGKILL) and, a second later, of the machine;
   * a decision survives both at once, with everything appended before it to the same file.
   * @throws {RunFolderError} when the disk does not take it; what was appended before stays intact.
   */
  async append(entry: JournalEntry): Promise<void> {
    if (!this.writable) throw new Error('the journal was opened read-only')
    const name = fileOf(entry.key)
    const file = this.files.get(name) ?? (await this.create(name))
    const span = await file.append(JSON.stringify(entry), entry.kind === 'decision')
    this.index(name, span, headOf(entry))
  }

  async close(): Promise<void> {
    await Promise.all(this.opening.values())
    await Promise.all([...this.files.values()].map((file) => file.close()))
    this.files.clear()
  }

  private find(key: string, inputs: string): Place | undefined {
    let place = this.places.get(key)
    while (place !== undefined && place.inputs !== inputs) place = place.older
    return place
  }

  private read(key: string, place: Place): JournalEntry | undefined {
    const bytes = this.files.get(place.file)?.read(place)
    const entry = bytes?.length === place.length ? parseEntry(bytes.toString('utf8')) : null
    if (entry?.key === key && entry.inputs === place.inputs) return entry
    const path = join(this.dir, place.file)
    // A line that was only glanced at when the file was opened: whole, but damaged inside.
    if (entry === null && bytes?.length === place.length && readHead(bytes)?.key === key) {
      this.drop(key, place)
      return undefined
    }
    throw new RunFolderError(`${path} was changed while in use (at byte ${place.offset}); run the same command again`)
  }

  private drop(key: string, place: Place): void {
    this.countUnreadable(place.file, place.offset)
    this.counts.entries--
    const left = withoutInputs(this.places.get(key), place.inputs)
    if (left === undefined) this.places.delete(key)
    else this.places.set(key, left)
  }

  private async load(name: string): Promise<void> {
    const path = join(this.dir, name)
    let end = 0
    let closeLine = false
    for await (const line of scanLines(path)) {
      if (this.take(name, line)) closeLine = !line.terminated
      else if (!line.terminated) break
      end = line.offset + line.length + (line.terminated ? 1 : 0)
    }
    this.files.set(
      name,
      this.writable ? await JournalFile.openToAppend(path, end, closeLine) : await JournalFile.openToRead(path),
    )
  }

  /** Indexes a line if it is an entry. An unterminated line that is none is torn, not unreadable. */
  private take(name: string, line: ScannedLine): boolean {
    const head = line.terminated ? readHead(line.bytes) : null
    const text = head === null && !line.tooLong ? line.bytes.toString('utf8') : ''
    const entry = head === null && !line.tooLong ? parseEntry(text) : null
    const found = entry === null ? head : headOf(entry)
    if (found !== null) {
      this.index(name, line, found)
      return true
    }
    if (!line.tooLong) refuseLater(laterVersion(text), join(this.dir, name))
    if (!line.terminated) this.counts.tornBytes += line.length
    else if (line.length > 0) this.countUnreadable(name, line.offset)
    return false
  }

  private countUnreadable(name: string, offset: number): void {
    this.counts.unreadable++
    this.firstUnreadable ??= `${join(this.dir, name)} at byte ${offset}`
  }

  private index(file: string, { offset, length }: Span, { key, inputs, call }: EntryHead): void {
    const older = withoutInputs(this.places.get(key), inputs)
    this.places.set(key, { inputs, file, offset, length, older })
    this.counts.entries++
    if (call !== null) this.count(key, call)
  }

  private count(key: string, { model, promptTokens, completionTokens }: CallCost): void {
    for (const spent of [this.spent, this.spentOf(this.groupOf(key), model)]) {
      spent.calls++
      spent.promptTokens += promptTokens
      spent.completionTokens += completionTokens
    }
  }

  private spentOf(group: string, model: string): Spent {
    const models = this.spentByModel.get(group) ?? new Map<string, Spent>()
    this.spentByModel.set(group, models)
    const known = models.get(model)
    if (known !== undefined) return known
    const spent: Spent = { model, group, calls: 0, promptTokens: 0, completionTokens: 0 }
    models.set(model, spent)
    this.spentInOrder.push(spent)
    return spent
  }

  private create(name: string): Promise<JournalFile> {
    const before = this.opening.get(name)
    if (before !== undefined) return before
    const opening = JournalFile.create(join(this.dir, name)).then((file) => {
      this.files.set(name, file)
      return file
    })
    this.opening.set(name, opening)
    return opening
  }
}

/** The chain without entries made from `inputs`: the same work done again replaces its earlier result. */
function withoutInputs(place: Place | undefined, inputs: string): Place | undefined {
  if (place === undefined) return undefined
  const older = withoutInputs(place.older, inputs)
  if (place.inputs === inputs) return older
  return older === place.older ? place : { ...place, older }
}

/** The version of a line that is no entry because a later version of this program wrote it; else null. */
export function laterVersion(text: string): number | null {
  const json = parseJson(text)
  const version = json.ok && isJsonObject(json.value) ? json.value['v'] : undefined
  return typeof version === 'number' && version > journalVersion ? version : null
}

/**
 * Entries of a later version are not passed over: their calls would be made, and paid for, again.
 * @param version of a line of the file, as `laterVersion` gives it
 * @throws {RunFolderError}
 */
export function refuseLater(version: number | null, path: string): void {
  if (version === null) return
  throw new RunFolderError(
    `${path} was written by a later version of pop (entries of version ${version}, this one knows ${journalVersion}); ` +
      'update pop, or start anew in another folder with --run DIR',
  )
}

/** The version of the entries that are written; those of every earlier one are read. */
const journalVersion = 1

function fileOf(key: string): string {
  const round = /^r(\d{1,6})\//.exec(key)?.[1]
  return round === undefined ? 'run.jsonl' : `round-${round}.jsonl`
}

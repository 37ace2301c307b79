/** Keys and values of many sequences, one row each, in buffers that attention updates in place. Knows no model. */
import type { RowSnapshot } from './token-model.ts'

/** Keys and values take no more than this: later answers wait for a place. */
export const CACHE_BYTES = 2 * 2 ** 30

export interface CacheShape {
  layers: number
  kvHeads: number
  headDim: number
}

/** Per layer one array of keys and one of values, each [rows, kvHeads, capacity, headDim]. */
export class KvCache {
  readonly shape: CacheShape
  rows: number
  /** Tokens per row. */
  capacity: number
  /** Keys of layer 0, values of layer 0, keys of layer 1, … */
  readonly buffers: Float32Array[]

  constructor(shape: CacheShape, rows: number, capacity: number) {
    this.shape = shape
    this.rows = rows
    this.capacity = capacity
    const length = rows * shape.kvHeads * capacity * shape.headDim
    this.buffers = Array.from({ length: 2 * shape.layers }, () => new Float32Array(length))
  }

  static bytesPerToken(shape: CacheShape): number {
    return 2 * shape.layers * shape.kvHeads * shape.headDim * Float32Array.BYTES_PER_ELEMENT
  }

  /** Elements of one row in one buffer. */
  get rowLength(): number {
    return this.shape.kvHeads * this.capacity * this.shape.headDim
  }

  /** Rows `first` … `first + count − 1` of buffer `index`, in place. */
  rowsOf(index: number, first: number, count: number): Float32Array {
    const buffer = this.buffers[index]
    if (buffer === undefined) throw new RangeError(`KvCache: no buffer ${index}`)
    return buffer.subarray(first * this.rowLength, (first + count) * this.rowLength)
  }

  copyRow(from: number, to: number, length: number): void {
    if (from === to) return
    for (const buffer of this.buffers) {
      this.forEachHead((head) => {
        const start = from * this.rowLength + head
        buffer.copyWithin(to * this.rowLength + head, start, start + length * this.shape.headDim)
      })
    }
  }

  snapshotRow(row: number, length: number): RowSnapshot {
    const headLength = length * this.shape.headDim
    const parts = this.buffers.map((buffer) => {
      const part = new Float32Array(this.shape.kvHeads * headLength)
      this.forEachHead((head, index) => {
        const start = row * this.rowLength + head
        part.set(buffer.subarray(start, start + headLength), index * headLength)
      })
      return part
    })
    return { length, parts }
  }

  /** The first `length` tokens of the snapshot, by default all. */
  restoreRow(snapshot: RowSnapshot, row: number, length: number = snapshot.length): void {
    const headLength = snapshot.length * this.shape.headDim
    const wanted = length * this.shape.headDim
    for (const [i, buffer] of this.buffers.entries()) {
      const part = snapshot.parts[i]
      if (part === undefined) throw new RangeError('KvCache: the snapshot is of another model')
      this.forEachHead((head, index) => {
        buffer.set(part.subarray(index * headLength, index * headLength + wanted), row * this.rowLength + head)
      })
    }
  }

  /**
   * Another size, with the rows in use, of which row i holds `lengths[i]` tokens. One buffer after the other, so that
   * there are never two whole caches.
   */
  resize(rows: number, capacity: number, lengths: readonly number[]): void {
    const { kvHeads, headDim } = this.shape
    const [before, after] = [this.capacity * headDim, capacity * headDim]
    for (const [i, buffer] of this.buffers.entries()) {
      const next = new Float32Array(rows * kvHeads * after)
      for (const [row, length] of lengths.entries()) {
        for (let head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
          next.set(buffer.subarray(head * before, head * before + length * headDim), head * after)
        }
      }
      this.buffers[i] = next
    }
    this.rows = rows
    this.capacity = capacity
  }

  private forEachHead(visit: (offset: number, index: number) => void): void {
    const { kvHeads, headDim } = this.shape
    for (let head = 0; head < kvHeads; head++) visit(head * this.capacity * headDim, head)
  }
}

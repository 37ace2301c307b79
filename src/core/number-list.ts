/** A list of numbers that grows: eight bytes each in one block, for lists that hold something of every call of a run. */
export class NumberList {
  private held: Float64Array
  private count: number

  constructor(from: Float64Array = new Float64Array()) {
    this.held = from
    this.count = from.length
  }

  get length(): number {
    return this.count
  }

  push(value: number): void {
    if (this.count === this.held.length) {
      const larger = new Float64Array(Math.max(64, 2 * this.count))
      larger.set(this.held)
      this.held = larger
    }
    this.held[this.count++] = value
  }

  /** NaN outside of the list. */
  at(index: number): number {
    return index < this.count ? (this.held[index] ?? NaN) : NaN
  }

  /** The numbers as they are now; not a copy. */
  view(): Float64Array {
    return this.held.subarray(0, this.count)
  }
}

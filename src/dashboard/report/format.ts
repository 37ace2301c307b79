/** Numbers and names as the report prints them. */

const missing = '–'

export function number(value: number | null | undefined, digits: number): string {
  return value == null || !Number.isFinite(value) ? missing : value.toFixed(digits)
}

export function percent(value: number | null | undefined): string {
  return value == null || !Number.isFinite(value) ? missing : `${(100 * value).toFixed(1)} %`
}

export function count(value: number | null | undefined): string {
  return value == null ? missing : String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

export function interval(value: { mean: number; low: number; high: number } | null): string {
  return value === null ? missing : `${value.mean.toFixed(3)} [${value.low.toFixed(3)}, ${value.high.toFixed(3)}]`
}

/** Names from records as words: `tooFewScored` → `too few scored`. */
export function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** `3 complete, 1 rubric failed`. */
export function counts(of: Readonly<Partial<Record<string, number>>>): string {
  const parts = Object.entries(of).filter(([, n]) => (n ?? 0) > 0)
  return parts.length === 0 ? missing : parts.map(([name, n]) => `${count(n)} ${words(name)}`).join(', ')
}

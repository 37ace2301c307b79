/** Numbers and names as the report and the viewer print them. */

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

/** In the currency of the prices, whichever that is. */
export function money(value: number | null): string {
  return number(value, 2)
}

/** What a round, and the policy it left, is called. */
export function roundName(round: number): string {
  return round === 0 ? 'before' : `round ${round}`
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

/** `0.8 s`, `3 min 05 s`, `2 h 07 min`. */
export function seconds(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return missing
  if (value < 59.95) return `${value.toFixed(1)} s`
  const whole = Math.round(value)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`
}

/** Three digits that matter, without an exponent where it can be avoided: `0.0123`, `12.3`, `1,230`. */
export function short(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return missing
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1000) return count(Math.round(value))
  if (size < 0.001) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

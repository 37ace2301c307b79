/**
 * For tests of hostile input: that a reader's work does not grow with the square of a text's length. Knows no reader.
 *
 * The limit tells linear from quadratic, not fast from slow: over 1 MB, linear is under a second on any machine and quadratic
 * is minutes, so a loaded machine fails no test.
 */
const LIMIT_SECONDS = 30

/** Throws with `what` where `run` takes more processor time than any linear work over 1 MB. Waiting for a processor does not count. */
export function expectNoQuadraticTime(run: () => void, what: string): void {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  const seconds = (user + system) / 1e6
  if (seconds > LIMIT_SECONDS) throw new Error(`${seconds.toFixed(1)} s of processor time for ${what}`)
}

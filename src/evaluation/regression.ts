/**
 * Logistic regression with soft targets, for scores that are controlled for style or length: by Newton's method without a
 * penalty, by coordinate descent with an L1 penalty. Pure; knows no benchmark.
 */

/** Rows of features, the probability that each shall have, and the weight of each. */
export interface LogisticData {
  readonly rows: readonly (readonly number[])[]
  readonly targets: readonly number[]
  /** Default: 1 each. */
  readonly weights?: readonly number[] | undefined
}

const NEWTON_STEPS = 50
/** A hint of a ridge: separable data have no finite solution without one. */
const RIDGE = 1e-6
const CONVERGED = 1e-10

/** log(1 + eᶻ) without overflow. */
function softplus(z: number): number {
  return z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z))
}

export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z))
}

export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}

/** Mean log loss, every row counted once and scaled by its weight. NaN for no rows. */
export function logLoss({ rows, targets, weights }: LogisticData, coefficients: readonly number[]): number {
  let sum = 0
  for (const [i, row] of rows.entries()) {
    const z = dot(row, coefficients)
    sum += (weights?.[i] ?? 1) * (softplus(z) - (targets[i] ?? 0) * z)
  }
  return sum / rows.length
}

/** Coefficients of the largest likelihood (Newton's method, steps halved until the loss falls). */
export function fitLogistic(data: LogisticData): number[] {
  const size = data.rows[0]?.length ?? 0
  let coefficients = zeros(size)
  let loss = penalised(data, coefficients)
  for (let step = 0; step < NEWTON_STEPS; step++) {
    const direction = newtonDirection(data, coefficients)
    let scale = 1
    let next = coefficients
    let nextLoss = loss
    for (; scale > 1e-6; scale /= 2) {
      next = coefficients.map((value, i) => value - scale * (direction[i] ?? 0))
      nextLoss = penalised(data, next)
      if (nextLoss <= loss) break
    }
    const gained = loss - nextLoss
    if (!(gained >= 0)) return coefficients
    coefficients = next
    loss = nextLoss
    if (gained < CONVERGED * Math.max(1, Math.abs(loss))) return coefficients
  }
  return coefficients
}

function penalised(data: LogisticData, coefficients: readonly number[]): number {
  return logLoss(data, coefficients) * data.rows.length + (RIDGE / 2) * dot(coefficients, coefficients)
}

function newtonDirection(data: LogisticData, coefficients: readonly number[]): number[] {
  const { gradient, hessian } = derivatives(data, coefficients)
  for (const [i, value] of coefficients.entries()) {
    gradient[i] = (gradient[i] ?? 0) + RIDGE * value
    const line = hessian[i] ?? []
    line[i] = (line[i] ?? 0) + RIDGE
  }
  return solve(hessian, gradient)
}

/** Of the summed, weighted log loss. */
function derivatives(
  { rows, targets, weights }: LogisticData,
  coefficients: readonly number[],
): { gradient: number[]; hessian: number[][] } {
  const gradient = zeros(coefficients.length)
  const hessian = coefficients.map(() => zeros(coefficients.length))
  for (const [k, row] of rows.entries()) {
    const weight = weights?.[k] ?? 1
    const p = sigmoid(dot(row, coefficients))
    addScaled(gradient, weight * (p - (targets[k] ?? 0)), row)
    for (const [i, line] of hessian.entries()) addScaled(line, weight * p * (1 - p) * (row[i] ?? 0), row)
  }
  return { gradient, hessian }
}

function addScaled(sum: number[], factor: number, row: readonly number[]): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + factor * (row[i] ?? 0)
}

/** Solves a symmetric positive definite system by Gaussian elimination with pivots; overwrites both. */
function solve(matrix: number[][], right: number[]): number[] {
  const size = right.length
  for (let column = 0; column < size; column++) {
    const pivot = pivotOf(matrix, column)
    swap(matrix, column, pivot)
    swap(right, column, pivot)
    for (let row = column + 1; row < size; row++) eliminate(matrix, right, column, row)
  }
  return backSubstitute(matrix, right)
}

/** The row with the largest entry of the column, on or below the diagonal. */
function pivotOf(matrix: readonly (readonly number[])[], column: number): number {
  const entries = matrix.map((line, row) => (row < column ? -1 : Math.abs(line[column] ?? 0)))
  return entries.indexOf(Math.max(...entries))
}

function backSubstitute(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const solution = zeros(right.length)
  for (let row = right.length - 1; row >= 0; row--) {
    const line = matrix[row] ?? []
    const known = dot(line.slice(row + 1), solution.slice(row + 1))
    solution[row] = ((right[row] ?? 0) - known) / (line[row] ?? 1)
  }
  return solution
}

function zeros(size: number): number[] {
  return Array.from({ length: size }, () => 0)
}

function swap<T>(items: T[], a: number, b: number): void {
  const held = items[a] as T
  items[a] = items[b] as T
  items[b] = held
}

function eliminate(matrix: number[][], right: number[], column: number, row: number): void {
  const [upper, lower] = [matrix[column] ?? [], matrix[row] ?? []]
  const factor = (lower[column] ?? 0) / (upper[column] ?? 1)
  for (let i = column; i < lower.length; i++) lower[i] = (lower[i] ?? 0) - factor * (upper[i] ?? 0)
  right[row] = (right[row] ?? 0) - factor * (right[column] ?? 0)
}

const PROXIMAL_STEPS = 100
const SWEEPS = 1000

/**
 * Minimises ‖w‖₁ + c · Σ weight · log loss, no intercept: the objective of LIBLINEAR's L1-regularised logistic regression
 * (Fan et al. 2008, section 2), by a proximal Newton method: the penalty stays, the loss is taken as its parabola.
 */
export function fitLogisticL1(data: LogisticData, c: number): number[] {
  const size = data.rows[0]?.length ?? 0
  const cost = (w: readonly number[]): number => norm1(w) / c + logLoss(data, w) * data.rows.length
  let coefficients = zeros(size)
  let current = cost(coefficients)
  for (let step = 0; step < PROXIMAL_STEPS; step++) {
    const target = minimiseParabola(derivatives(data, coefficients), coefficients, 1 / c)
    let next = coefficients
    let nextCost = current
    for (let scale = 1; scale > 1e-9; scale /= 2) {
      const part = scale
      next = coefficients.map((value, i) => value + part * ((target[i] ?? 0) - value))
      nextCost = cost(next)
      if (nextCost <= current) break
    }
    const gained = current - nextCost
    if (!(gained >= 0)) return coefficients
    coefficients = next
    current = nextCost
    if (gained < 1e-13 * Math.max(1, Math.abs(current))) break
  }
  return coefficients
}

/** The point that minimises the loss's parabola at `from` plus `penalty` · ‖w‖₁, by coordinate descent. */
function minimiseParabola(
  { gradient, hessian }: { gradient: readonly number[]; hessian: readonly (readonly number[])[] },
  from: readonly number[],
  penalty: number,
): number[] {
  const point = [...from]
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = 0
    for (let i = 0; i < point.length; i++) {
      const line = hessian[i] ?? []
      const curve = Math.max(line[i] ?? 0, 1e-12)
      const slope = (gradient[i] ?? 0) + line.reduce((sum, h, j) => sum + h * ((point[j] ?? 0) - (from[j] ?? 0)), 0)
      const value = point[i] ?? 0
      const next = shrink(value - slope / curve, penalty / curve)
      moved = Math.max(moved, Math.abs(next - value))
      point[i] = next
    }
    if (moved < 1e-12) break
  }
  return point
}

/** Soft threshold. */
function shrink(value: number, by: number): number {
  return Math.sign(value) * Math.max(0, Math.abs(value) - by)
}

function norm1(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + Math.abs(value), 0)
}

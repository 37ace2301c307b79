/**
 * MT19937 (Matsumoto & Nishimura 1998) with the seeding, the choice and the normal of Python's `random` module, so that a
 * verdict that a Python program reaches by drawing from a fixed seed is reached here by the same draws. Knows no checker.
 */
const STATE = 624
const SHIFT = 397

export interface PythonRandom {
  /** Uniform in [0, 1), 53 random bits. */
  random(): number
  /** Uniform integer in [0, n), `random.randrange(n)`; n up to 2³². */
  below(n: number): number
  /** Standard normal, `random.gauss(0, 1)`. */
  gauss(): number
}

/** The generator after `random.seed(seed)`; `seed` is a 32-bit unsigned integer. */
export function pythonRandom(seed: number): PythonRandom {
  const uint32 = twister(seedByArray([seed >>> 0]))
  const random = (): number => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992
  let kept: number | null = null
  return {
    random,
    below: (n) => {
      const bits = 32 - Math.clz32(n)
      let drawn = uint32() >>> (32 - bits)
      while (drawn >= n) drawn = uint32() >>> (32 - bits)
      return drawn
    },
    gauss: () => {
      const last = kept
      kept = null
      if (last !== null) return last
      const angle = random() * 2 * Math.PI
      const radius = Math.sqrt(-2 * Math.log(1 - random()))
      kept = Math.sin(angle) * radius
      return Math.cos(angle) * radius
    },
  }
}

function seedByInteger(seed: number): Uint32Array {
  const state = new Uint32Array(STATE)
  state[0] = seed
  for (let i = 1; i < STATE; i++) {
    const before = at(state, i - 1)
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i
  }
  return state
}

/** The authors' `init_by_array`. */
function seedByArray(key: readonly number[]): Uint32Array {
  const state = seedByInteger(19650218)
  let i = 1
  const step = (multiplier: number, add: number): void => {
    const before = at(state, i - 1)
    state[i] = (at(state, i) ^ Math.imul(before ^ (before >>> 30), multiplier)) + add
    if (++i < STATE) return
    state[0] = at(state, STATE - 1)
    i = 1
  }
  for (let k = 0; k < Math.max(STATE, key.length); k++) {
    const j = k % key.length
    step(1664525, (key[j] ?? 0) + j)
  }
  for (let k = 0; k < STATE - 1; k++) step(1566083941, -i)
  state[0] = 0x80000000
  return state
}

function twister(state: Uint32Array): () => number {
  let index = STATE
  return () => {
    if (index === STATE) {
      refill(state)
      index = 0
    }
    let word = at(state, index++)
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    return (word ^ (word >>> 18)) >>> 0
  }
}

function refill(state: Uint32Array): void {
  for (let i = 0; i < STATE; i++) {
    const mixed = (at(state, i) & 0x80000000) | (at(state, (i + 1) % STATE) & 0x7fffffff)
    state[i] = at(state, (i + SHIFT) % STATE) ^ (mixed >>> 1) ^ ((mixed & 1) === 0 ? 0 : 0x9908b0df)
  }
}

function at(state: Uint32Array, i: number): number {
  return state[i] ?? 0
}

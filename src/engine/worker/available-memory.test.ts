import { expect, test } from 'vitest'
import { availableMemory, type SystemMemory } from './available-memory.ts'

const GIB = 2 ** 30
const machine: SystemMemory = {
  platform: 'linux',
  total: 32 * GIB,
  free: 20 * GIB,
  limit: 0,
  available: 20 * GIB,
  read: () => null,
}

/** 8 GiB allowed, 7 taken: 3 by programs, 3.5 by cached files, 0.5 by shared memory. */
const limited = (files: Record<string, string>): SystemMemory => ({
  ...machine,
  limit: 8 * GIB,
  available: GIB,
  read: (path) => files[path] ?? null,
})

test('without a limit the system is believed, but on macOS, where free memory says little', () => {
  expect(availableMemory({}, machine)).toBe(20 * GIB)
  expect(availableMemory({}, { ...machine, limit: 2 ** 63 })).toBe(20 * GIB)
  expect(availableMemory({}, { ...machine, platform: 'darwin', available: GIB })).toBe(32 * GIB)
})

test('under a limit cached files count as free, in both versions of control groups and inside a container', () => {
  const two = `anon ${3 * GIB}\nfile ${4 * GIB}\nshmem ${GIB / 2}\ninactive_file ${GIB}\n`
  const one = `cache 5\ntotal_cache ${4 * GIB}\ntotal_shmem ${GIB / 2}\n`
  const places = [
    limited({ '/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/memory.stat': two }),
    limited({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.stat': two }),
    limited({ '/proc/self/cgroup': '5:cpu:/\n4:memory:/x\n', '/sys/fs/cgroup/memory/x/memory.stat': one }),
    limited({ '/proc/self/cgroup': '4:memory:/docker/x\n', '/sys/fs/cgroup/memory/memory.stat': one }),
  ]
  for (const place of places) expect(availableMemory({}, place)).toBe(4.5 * GIB)
  expect(availableMemory({}, { ...limited({ '/sys/fs/cgroup/memory.stat': two }), free: 2 * GIB })).toBe(2 * GIB)
  expect(availableMemory({}, limited({}))).toBe(GIB)
})

test('POP_MEMORY_GIB says otherwise', () => {
  expect(availableMemory({ POP_MEMORY_GIB: '1.5' }, machine)).toBe(1.5 * GIB)
  expect(() => availableMemory({ POP_MEMORY_GIB: 'much' }, machine)).toThrow(/POP_MEMORY_GIB must be a number of GiB/)
})

test('this machine has some memory left', () => {
  expect(availableMemory({})).toBeGreaterThan(16 * 2 ** 20)
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Forked processes: a native addon (onnxruntime-node) inside vitest's own worker threads is unsupported.
    pool: 'forks',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
  },
})

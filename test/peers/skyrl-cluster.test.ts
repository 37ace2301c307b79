/**
 * SkyRL on two JAX processes, each with half of the weights: on several machines only the address of the first would differ. Left out where
 * POP_SKYRL names no checkout: `npm run test:interop`.
 */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { expectParity } from './skyrl-parity.ts'
import { checkout, SkyrlServer } from './skyrl-server.ts'

describe.runIf(checkout !== undefined)('a SkyRL cluster of two processes', { timeout: 1_500_000 }, () => {
  let server: SkyrlServer
  beforeAll(async () => {
    server = await SkyrlServer.open({ processes: 2 })
  }, 600_000)
  afterAll(() => server.close())

  it('trains a DPO run as the embedded engine does', async () => {
    await expectParity(server, 'two processes')
  })
})

/** The thread's entry in a checkout: Node 20 cannot load TypeScript by itself, tsx can. Not part of the build. */
import { register } from 'tsx/esm/api'

register()
await import('./entry.ts')

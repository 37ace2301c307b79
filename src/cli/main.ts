#!/usr/bin/env node
/** The process, or the one that starts it: a verb that computes wants its memory in huge pages. */
import { computes, environmentForHugePages, startAnew, surroundings } from './huge-pages.ts'
import { verbs } from './verbs.ts'

const environment = computes(process.argv.slice(2), verbs) ? environmentForHugePages(surroundings()) : undefined

if (environment === undefined) await import('./program.ts')
// Where there is no room for a second process, this one does the work.
else await startAnew(environment).catch(() => import('./program.ts'))

/** Writes `.oxlintrc.json` and the table in `ARCHITECTURE.md` from `rooms.json`. Run it after changing the rooms. */
import { readFileSync, writeFileSync } from 'node:fs'
import { architectureWithTable, lintConfig } from './lint-config.ts'
import { readHouse, root } from './house.ts'

const house = readHouse()
writeFileSync(new URL('.oxlintrc.json', root), lintConfig(house))
const page = new URL('ARCHITECTURE.md', root)
writeFileSync(page, architectureWithTable(readFileSync(page, 'utf8'), house))

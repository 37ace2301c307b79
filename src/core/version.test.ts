import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isJsonObject, parseJson } from './json.ts'
import { version } from './version.ts'

test('the version is that of package.json', () => {
  const manifest = parseJson(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(manifest.ok && isJsonObject(manifest.value) && manifest.value['version']).toBe(version)
})

/** What the documents say of the configuration is what the schema says. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { ModelHouse } from '../src/pipeline/index.ts'
import { configSchema } from '../src/records/index.ts'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

function yamlBlocks(text: string): string[] {
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block)
}

test('the complete configuration states every default', () => {
  const [complete = ''] = yamlBlocks(read('docs/configuration.md'))
  const written: unknown = parseDocument(complete).toJS()
  const sparse = {
    corpus: { source: './documents/*.jsonl' },
    model: { backend: 'embedded' as const, path: './my-model' },
  }
  expect(configSchema.parse(written)).toEqual(configSchema.parse(sparse))
})

test('the configurations of the README can be used', () => {
  const [first = '', server = ''] = yamlBlocks(read('README.md'))
  const embedded = parseDocument(first).toJS() as Record<string, unknown>
  configSchema.parse(embedded)
  configSchema.parse({ ...embedded, ...(parseDocument(server).toJS() as Record<string, unknown>), rounds: 1 })
})

test.each(['laptop', 'one-gpu', 'cluster'])('the recipe for %s is a configuration that a run accepts', (name) => {
  const config = configSchema.parse(parseDocument(read(`recipes/${name}/pop.yaml`)).toJS())
  expect(() => new ModelHouse(config, { env: {} })).not.toThrow()
})

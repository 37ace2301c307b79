/** Damaged and hostile model folders: one clear error each, at once, and no memory worth mentioning. */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ModelError } from '../core/errors.ts'
import { Engine } from './engine.ts'

const golden = join(import.meta.dirname, '../../test/goldens/tiny-models/qwen2')
const CHAT = [{ role: 'user', content: 'hello' }]

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-hostile-'))
  cpSync(golden, dir, { recursive: true })
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function write(name: string, content: unknown): void {
  writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content))
}

function edit(name: string, changes: object): void {
  write(name, { ...(JSON.parse(readFileSync(join(dir, name), 'utf8')) as object), ...changes })
}

/** Opens the folder and encodes a chat; gives the error, and bounds what it took. */
async function refusal(): Promise<string> {
  const before = process.memoryUsage.rss()
  const error: unknown = await use().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ModelError)
  expect(process.memoryUsage.rss() - before).toBeLessThan(1.5 * 2 ** 30)
  const { message } = error as Error
  expect(message).not.toContain('\n')
  return message
}

async function use(): Promise<void> {
  const engine = await Engine.open(dir, { inThread: true, threads: 1 })
  try {
    engine.tokenizer.encodeChat(CHAT, { addGenerationPrompt: true })
  } finally {
    await engine.close()
  }
}

describe('an index of shards', () => {
  test.each(['../../../../etc/passwd', '/etc/passwd', '..\\..\\x.safetensors', 'a/b.safetensors', 'x.bin', ''])(
    'that names %j is refused',
    async (file) => {
      rmSync(join(dir, 'model.safetensors'))
      write('model.safetensors.index.json', { weight_map: { 'model.norm.weight': file } })
      expect(await refusal()).toMatch(/weight_map must map tensor names to \.safetensors files in the same folder/)
    },
  )

  test('of gigabytes is not read', async () => {
    rmSync(join(dir, 'model.safetensors'))
    write('model.safetensors.index.json', '{')
    truncateSync(join(dir, 'model.safetensors.index.json'), 8 * 2 ** 30)
    expect(await refusal()).toMatch(/8589934592 bytes are more than an index can have/)
  })
})

describe('weights', () => {
  test('whose header claims gigabytes are refused before it is read', async () => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(6n * 2n ** 30n)
    writeFileSync(join(dir, 'model.safetensors'), length)
    truncateSync(join(dir, 'model.safetensors'), 8 * 2 ** 30)
    expect(await refusal()).toMatch(/header claims 6442450944 bytes/)
  })

  test('of another shape than the configuration asks for are refused before they are allocated', async () => {
    edit('config.json', { vocab_size: 1 << 20 })
    expect(await refusal()).toMatch(/has shape \[368, 32\], config.json asks for \[1048576, 32\]/)
  })
})

describe('a configuration', () => {
  test.each([
    ['num_hidden_layers', 1e9],
    ['vocab_size', 1e12],
    ['hidden_size', 2 ** 40],
  ])('with %s of %d is refused', async (key, value) => {
    edit('config.json', { [key]: value })
    expect(await refusal()).toContain(key)
  })

  test('of a model larger than any memory is refused with the numbers', async () => {
    edit('config.json', { hidden_size: 1 << 18, intermediate_size: 1 << 20, num_hidden_layers: 4000 })
    expect(await refusal()).toMatch(/needs about \d+\.\d GiB of memory .* are free/)
  })
})

describe('a chat template', () => {
  const forEver = '{% for a in range(900) %}{% for b in range(900) %}{{ a }}{% endfor %}{% endfor %}'
  const inner = '{% for b in range(30000) %}{% endfor %}'
  const emptyHanded = `{% for a in range(30000) %}${inner}{% endfor %}`
  const choosy = `{% for a in range(3000) %}{% for b in range(300000) if a == b %}{% endfor %}{% endfor %}`
  const wasteful = '{% for a in range(30000) %}{% if range(100000)[1:] %}{% endif %}{% endfor %}'
  const doubling =
    "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}"
  const recursing = '{% set ns = namespace() %}{% set ns.x = ns %}{{ ns.x | tojson }}'

  test.each([
    ['loops for ever', forEver, /takes more than 300000 steps/],
    ['loops for ever and does nothing', emptyHanded, /takes more than 300000 steps/],
    ['loops for ever over what it does not want', choosy, /takes more than 300000 steps/],
    ['makes long lists for ever', wasteful, /takes more than 300000 steps/],
    ['asks for a trillion numbers', '{% for i in range(1000000000000) %}x{% endfor %}', /too many numbers/],
    ['doubles a text sixty times', doubling, /too long a text/],
    ['holds itself', recursing, /chat template refused/],
    ['is no template', '{% for %}', /cannot be parsed/],
    ['has no end', 'x'.repeat(2 ** 21), /cannot be parsed: it has 2097152 characters/],
  ])(
    'that %s ends in an error',
    async (_, template, message) => {
      write('chat_template.jinja', template)
      expect(await refusal()).toMatch(message)
    },
    60_000,
  )
})

describe('a tokenizer', () => {
  test('of gigabytes is not read', async () => {
    truncateSync(join(dir, 'tokenizer.json'), 4 * 2 ** 30)
    expect(await refusal()).toMatch(/4294967296 bytes are more than such a file can have/)
  })

  test.each([
    ['a token id of billions', { model: { type: 'BPE', vocab: { a: 4e9 }, merges: [] } }, /model\.vocab/],
    ['nothing in it', {}, /tokenizer\.json: model/],
    ['a list for a model', { model: [] }, /tokenizer\.json: model/],
  ])('with %s is refused', async (_, content, message) => {
    write('tokenizer.json', content)
    expect(await refusal()).toMatch(message)
  })
})

/** The linter's configuration as a function of the house. Every rule is on; exceptions are places, not comments. */
import { forbiddenAreas, forbiddenCapabilities, forbiddenRooms, roomTable, type House } from './house.ts'

const rules = {
  complexity: ['error', 12],
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'max-lines': ['error', 400],
  'max-lines-per-function': ['error', 60],
  'no-var': 'error',
  'prefer-const': 'error',
  'import/no-cycle': 'error',
  'import/no-default-export': 'error',
  'typescript/await-thenable': 'error',
  'typescript/ban-ts-comment': 'error',
  'typescript/consistent-type-imports': 'error',
  'typescript/explicit-module-boundary-types': 'error',
  'typescript/no-explicit-any': 'error',
  'typescript/no-floating-promises': 'error',
  'typescript/no-misused-promises': 'error',
  'typescript/no-non-null-assertion': 'error',
  'typescript/no-unsafe-argument': 'error',
  'typescript/no-unsafe-assignment': 'error',
  'typescript/no-unsafe-call': 'error',
  'typescript/no-unsafe-member-access': 'error',
  'typescript/no-unsafe-return': 'error',
  'typescript/only-throw-error': 'error',
  'typescript/switch-exhaustiveness-check': 'error',
}

/** The whole `.oxlintrc.json`, as text. */
export function lintConfig(house: House): string {
  const config = {
    $schema: './node_modules/oxlint/configuration_schema.json',
    plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise'],
    categories: { correctness: 'error' },
    ignorePatterns: ['dist', 'coverage', 'runs'],
    rules,
    overrides: [...scopes(house).map((scope) => override(house, scope)), tests, tooling],
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

const off = { 'no-restricted-imports': 'off', 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' }

const tests = {
  files: ['**/*.test.ts', '**/testing/**', 'test/**'],
  // expect.closeTo and its kin are typed any.
  rules: { ...off, 'max-lines': 'off', 'max-lines-per-function': 'off', 'typescript/no-unsafe-assignment': 'off' },
}

const tooling = { files: ['*.config.ts'], rules: { 'import/no-default-export': 'off' } }

/** Places with rules of their own, wider ones first: a later override replaces an earlier one. */
function scopes(house: House): string[] {
  const places = new Set([...Object.keys(house.rooms), ...Object.keys(house.entries)])
  for (const [name, room] of Object.entries(house.rooms)) {
    for (const area of Object.keys(room.inside ?? {})) places.add(`${name}/${area}`)
    for (const file of Object.keys(room.files ?? {})) places.add(file)
  }
  for (const rule of Object.values(house.capabilities)) for (const place of rule.only) places.add(place)
  return [...places].sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1))
}

function override(house: House, scope: string): object {
  const isFile = scope.endsWith('.ts')
  const path = isFile ? scope : `${scope}/x.ts`
  return { files: [isFile ? `src/${scope}` : `src/${scope}/**`], rules: restrictions(house, path) }
}

function restrictions(house: House, path: string): object {
  const forbidden = forbiddenCapabilities(house, path)
  const paths = forbidden.flatMap(([name, rule]) =>
    rule.modules.map((module) => ({ name: module, message: only(name, rule.only) })),
  )
  const globals = forbidden.flatMap(([name, rule]) =>
    rule.globals.map((global) => ({ name: global, message: only(name, rule.only) })),
  )
  const properties = forbidden.flatMap(([name, rule]) =>
    rule.properties.map((dotted) => {
      const [object, property] = dotted.split('.')
      return { object, property, message: only(name, rule.only) }
    }),
  )
  const patterns = [
    ...forbiddenRooms(house, path).map((room) => ({ group: outside(path, room), message: borders(path, room) })),
    ...forbiddenAreas(house, path).map((area) => ({ group: [`../${area}/**`], message: borders(path, area) })),
  ]
  return {
    'no-restricted-imports': ['error', { paths, patterns }],
    'no-restricted-globals': globals.length === 0 ? 'off' : ['error', ...globals],
    'no-restricted-properties': properties.length === 0 ? 'off' : ['error', ...properties],
  }
}

/** How a file of this depth or deeper writes an import from another room. */
function outside(path: string, room: string): string[] {
  const depth = path.split('/').length - 1
  if (depth === 0) return [`./${room}/**`]
  const up = '../'.repeat(depth)
  return [`${up}${room}/**`, `${up}**/${room}/**`]
}

function borders(path: string, other: string): string {
  return `${path.split('/').slice(0, -1).join('/') || path} may not import ${other}: see rooms.json`
}

function only(name: string, places: string[]): string {
  return `${name}: ${places.length === 0 ? 'nowhere in src' : `only in ${places.join(', ')}`} (rooms.json)`
}

const begin = '<!-- rooms.json: begin -->'
const end = '<!-- rooms.json: end -->'

/** ARCHITECTURE.md with its table of rooms replaced by the one of the house. */
export function architectureWithTable(page: string, house: House): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error('ARCHITECTURE.md lacks the marks around its table of rooms')
  return `${page.slice(0, from + begin.length)}\n${roomTable(house)}\n${page.slice(to)}`
}

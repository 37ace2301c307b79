/**
 * The tests against other engines: `npm run test:interop [-- FILE …]`, all of them or the named files. SkyRL is no package: POP_SKYRL names a
 * checkout of it, which needs Python 3.12. TRL and its kin are packages. POP_AXOLOTL, POP_LLAMAFACTORY and POP_OPENRLHF name checkouts of
 * trainers whose own parsers read what `pop export` writes.
 *
 * Sets up a virtual environment once (POP_INTEROP_VENV, default `.interop`; made by POP_INTEROP_PYTHON, default `python3`), by pip as it is
 * configured on this machine: what is there already is not installed again. Then runs the tests with it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const venv = resolve(process.env['POP_INTEROP_VENV'] ?? '.interop')
const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
const checkout = process.env['POP_SKYRL']

/** SkyRL's own list, without what only GPUs or uv need; `tinker` for its wire format alone. */
const forSkyrl =
  'jax flax optax fastapi uvicorn sqlmodel aiosqlite greenlet alembic cloudpathlib zstandard xxhash typer rich pillow psutil protobuf loguru httpx tinker<=0.24.1'
const forParsers = {
  POP_AXOLOTL: { what: 'github.com/axolotl-ai-cloud/axolotl', packages: 'colorama' },
  POP_LLAMAFACTORY: { what: 'github.com/hiyouga/LLaMA-Factory', packages: 'omegaconf' },
  POP_OPENRLHF: { what: 'github.com/OpenRLHF/OpenRLHF', packages: 'pylatexenc' },
}
/** The last three are what `transformers serve` needs. */
const forTrl = 'torch transformers trl peft accelerate datasets safetensors openai fastapi uvicorn'

function run(command: string, args: readonly string[], env: Record<string, string> = {}): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  if (status !== 0) process.exit(status ?? 1)
}

/** Those of some packages that the environment does not have as modules. */
function missing(packages: string): string[] {
  const wanted = packages.split(' ')
  const modules = wanted.map((name) =>
    name === 'pillow' ? 'PIL' : name === 'protobuf' ? 'google.protobuf' : name.replace(/<.*/, ''),
  )
  const code = `
import importlib.util, sys
def there(name):
    try: return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError: return False
print(*(int(there(name)) for name in sys.argv[1:]))`
  const { stdout } = spawnSync(python, ['-c', code, ...modules], { encoding: 'utf8' })
  const there = stdout.trim().split(' ')
  return wanted.filter((_name, i) => there[i] !== '1')
}

if (!existsSync(python)) run(process.env['POP_INTEROP_PYTHON'] ?? 'python3', ['-m', 'venv', venv])
const parsers: Record<string, string> = {}
let wanted = checkout === undefined ? forTrl : `${forTrl} ${forSkyrl}`
for (const [variable, { what, packages }] of Object.entries(forParsers)) {
  const place = process.env[variable]
  if (place === undefined) process.stderr.write(`left out: ${variable} does not name a checkout of ${what}\n`)
  else {
    parsers[variable] = resolve(place)
    wanted += ` ${packages}`
  }
}
const needed = [...new Set(missing(wanted))]
if (needed.length > 0) run(python, ['-m', 'pip', 'install', ...needed])
if (checkout === undefined) {
  process.stderr.write('left out: SkyRL (POP_SKYRL does not name a checkout of github.com/NovaSky-AI/SkyRL)\n')
}
const skyrl =
  checkout === undefined
    ? {}
    : { POP_SKYRL: resolve(checkout), POP_SKYRL_PYTHON: python, JAX_COMPILATION_CACHE_DIR: join(venv, 'jax-cache') }
const words = process.argv.slice(2)
const files = words.some((word) => existsSync(word))
  ? []
  : ['test/peers', 'test/recipes', 'src/training', 'transformers-parity']
run('npx', ['vitest', 'run', ...files, '--maxWorkers=1', ...words], { POP_PYTHON: python, ...skyrl, ...parsers })

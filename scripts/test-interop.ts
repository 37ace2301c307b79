/**
 * The tests against other engines: `npm run test:interop`. SkyRL is no package: POP_SKYRL names a checkout of it. TRL and its kin are packages.
 * Sets up a virtual environment once (POP_INTEROP_VENV, default `.interop`), by pip as it is configured on this machine, and runs the tests with it.
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
const forTrl = 'torch transformers trl peft accelerate datasets safetensors'

function run(command: string, args: readonly string[], env: Record<string, string> = {}): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  if (status !== 0) process.exit(status ?? 1)
}

if (!existsSync(python)) {
  run(process.env['POP_INTEROP_PYTHON'] ?? 'python3', ['-m', 'venv', venv])
  run(python, ['-m', 'pip', 'install', ...forTrl.split(' '), ...(checkout === undefined ? [] : forSkyrl.split(' '))])
}
if (checkout === undefined) {
  process.stderr.write('left out: SkyRL (POP_SKYRL does not name a checkout of github.com/NovaSky-AI/SkyRL)\n')
}
const skyrl = checkout === undefined ? {} : { POP_SKYRL: resolve(checkout), POP_SKYRL_PYTHON: python }
run('npx', ['vitest', 'run', 'test/peers', 'src/training', '--maxWorkers=1', ...process.argv.slice(2)], {
  POP_PYTHON: python,
  ...skyrl,
})

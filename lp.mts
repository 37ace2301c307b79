import { readFileSync, readdirSync } from 'node:fs'
import { InferenceSession } from 'onnxruntime-node'
const orig = InferenceSession.create.bind(InferenceSession)
const sessions: any[] = []
;(InferenceSession as any).create = async (m: any, o: any) => { const s = await orig(m, { ...o, enableProfiling: true, profileFilePrefix: '/tmp/ortprof/p' }); sessions.push(s); return s }
const root = process.cwd()
const { Trainer } = await import(root + '/src/engine/training/trainer.ts')
const { readModelFiles } = await import(root + '/src/engine/formats/model-folder.ts')
const { loadWeights } = await import(root + '/src/engine/worker/load-weights.ts')
const { parseModelConfig } = await import(root + '/src/engine/models/config.ts')
const { rng } = await import(root + '/src/core/rng.ts')
const files = readModelFiles('assets/lab'); const config = parseModelConfig(files.config)
console.log(config)
const trainer = new Trainer(config, loadWeights('assets/lab', config), { threads: 2 })
const random = rng(2, 'b')
const seqs = Array.from({ length: 20 }, () => Array.from({ length: 46 + random.below(12) }, () => random.below(1000)))
const w = seqs.map((s) => new Float32Array(s.length - 1).fill(1 / 4096))
const t: number[] = [], l: number[] = []
for (let i = 0; i < 20; i++) { let s = performance.now(); await trainer.accumulate(seqs, w); t.push(performance.now() - s); s = performance.now(); await trainer.logprobs(seqs); l.push(performance.now() - s) }
console.log(t.map(x => x.toFixed(0)).join(' ')); console.log(l.map(x => x.toFixed(0)).join(' '))
for (const s of sessions) try { s.endProfiling() } catch {}
for (const f of readdirSync('/tmp/ortprof')) {
  const ev = JSON.parse(readFileSync('/tmp/ortprof/' + f, 'utf8')); const by: Record<string, [number, number]> = {}
  let runs = 0, total = 0
  for (const e of ev) { if (e.cat === 'Session' && e.name === 'model_run') { runs++; total += e.dur } if (e.cat === 'Node' && e.name.endsWith('_kernel_time')) { const sh = process.env.SHAPES ? ' ' + JSON.stringify(e.args.input_type_shape?.map((x: any) => Object.values(x)[0])) : ''; const k = e.args.op_name + sh; const b = by[k] ??= [0, 0]; b[0] += e.dur; b[1]++ } }
  if (runs < 8) continue
  console.log(f, runs, 'runs', (total / runs / 1000).toFixed(1), 'ms per run', 'kernels', (Object.values(by).reduce((a, b) => a + b[0], 0) / runs / 1000).toFixed(1), Object.values(by).reduce((a, b) => a + b[1], 0) / runs)
  for (const [k, [d, n]] of Object.entries(by).sort((a, b) => b[1][0] - a[1][0]).slice(0, Number(process.env.TOP ?? 14))) console.log('  ', k.padEnd(30), (d / runs / 1000).toFixed(2), 'ms', (n / runs).toFixed(0), (100 * d / total).toFixed(1) + '%')
}

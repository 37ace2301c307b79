/** Builds the viewer's web client into a folder: one script, one style sheet, one page. Knows esbuild, and where the looks of charts are. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chartStyle } from '../src/dashboard/charts/style.ts'
import { root } from './house.ts'

/** One classic script, not a module: a page opened from disk may load the one and not the other. */
export async function buildWeb(outDir: string): Promise<void> {
  const source = fileURLToPath(new URL('src/dashboard/web/', root))
  mkdirSync(outDir, { recursive: true })
  await build({
    entryPoints: { app: join(source, 'main.tsx'), style: join(source, 'style.css') },
    outdir: outDir,
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    banner: { css: chartStyle },
    minify: true,
    legalComments: 'linked',
    logLevel: 'warning',
  })
  copyFileSync(join(source, 'index.html'), join(outDir, 'index.html'))
}

/** Builds the page of `hence serve` from web/: `node scripts/build-web.mjs [FOLDER]`, dist/web by default. */
import { resolve } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Builds the page into a folder, which is emptied before. */
export async function buildWeb(folder) {
  await build({
    root: resolve(root, 'web'),
    configFile: false,
    logLevel: 'warn',
    // Names relative to the page, so that it also works behind a path of a proxy.
    base: './',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: { outDir: resolve(folder), emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  })
}

if (resolve(argv[1] ?? '') === fileURLToPath(import.meta.url)) await buildWeb(argv[2] ?? resolve(root, 'dist', 'web'))

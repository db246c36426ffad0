/**
 * Lets Node load the TypeScript of this repository without a build: types are taken out, nothing is checked. What comes
 * out is kept by content in node_modules/.cache.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const cache = new URL('../node_modules/.cache/hence-typescript/', import.meta.url)

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const text = await readFile(path, 'utf8')
  const kept = new URL(`${createHash('sha256').update(path).update(text).digest('hex')}.js`, cache)
  const source = (await readFile(kept, 'utf8').catch(() => undefined)) ?? (await transpile(path, text, kept))
  return { format: 'module', source, shortCircuit: true }
}

async function transpile(path, text, kept) {
  const { default: ts } = await import('typescript')
  const { outputText } = ts.transpileModule(text, {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  })
  await mkdir(cache, { recursive: true })
  const draft = new URL(`${kept.href}.${process.pid}`)
  await writeFile(draft, outputText)
  await rename(draft, kept)
  return outputText
}

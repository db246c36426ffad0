import { dirname, join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { listRepositoryFiles, readText, repositoryRoot } from './repository.ts'

interface Example {
  /** Where a reader finds it. */
  readonly origin: string
  /** The virtual file it is compiled as: beside its origin, so that relative imports mean what they say. */
  readonly path: string
  readonly code: string
}

/** Fenced `ts` blocks that import the package, as a reader would copy them. */
function examplesInMarkdown(page: string): Example[] {
  return fencedBlocks(readText(page))
    .filter(({ code }) => /from 'hence['/]/.test(code))
    .map(block => toExample(page, block))
}

/** Fenced `ts` blocks of `@example` in doc comments, all of them. */
function examplesInSource(file: string): Example[] {
  const comments = [...readText(file).matchAll(/\/\*\*[\s\S]*?\*\//g)]
  return comments.flatMap(comment => {
    const firstLine = comment.input.slice(0, comment.index).split('\n').length
    const body = comment[0].replace(/^\s*\/?\*+ ?\/?/gm, '')
    const start = body.indexOf('@example')
    if (start < 0) return []
    const linesBefore = body.slice(0, start).split('\n').length - 1
    return fencedBlocks(body.slice(start)).map(({ line, code }) => toExample(file, { line: firstLine + linesBefore + line - 1, code }))
  })
}

function fencedBlocks(text: string): { line: number; code: string }[] {
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(match => ({
    line: text.slice(0, match.index).split('\n').length,
    code: match[1]!,
  }))
}

function toExample(file: string, { line, code }: { line: number; code: string }): Example {
  return {
    origin: `${file}:${line}`,
    path: join(repositoryRoot, dirname(file), `example-${line}-of-${file.replaceAll('/', '-')}.ts`),
    code,
  }
}

/** Compiles all examples in one program, with the project's own flags, and returns the complaints about them. */
function compile(examples: readonly Example[]): string[] {
  const byPath = new Map(examples.map(example => [example.path, example]))
  const config = ts.parseJsonConfigFileContent(JSON.parse(readText('tsconfig.json')), ts.sys, repositoryRoot)
  const options: ts.CompilerOptions = {
    ...config.options,
    noUnusedLocals: false,
    paths: { hence: [join(repositoryRoot, 'src/index.ts')], 'hence/server': [join(repositoryRoot, 'src/server/index.ts')] },
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = path => byPath.has(path) || fileExists(path)
  host.readFile = path => byPath.get(path)?.code ?? readFile(path)
  host.getSourceFile = (path, language, ...rest) => {
    const example = byPath.get(path)
    if (!example) return getSourceFile(path, language, ...rest)
    // The empty export makes a module of an example that imports nothing.
    return ts.createSourceFile(path, `${example.code}\nexport {}\n`, language)
  }
  const program = ts.createProgram([...byPath.keys()], options, host)
  return examples.flatMap(({ origin, path }) => {
    const source = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(diagnostic => {
      return `${origin}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`
    })
  })
}

test('examples in pages and doc comments compile', () => {
  const files = listRepositoryFiles()
  const examples = [
    ...files.filter(file => file.endsWith('.md')).flatMap(examplesInMarkdown),
    ...files.filter(file => /^src\/.*\.ts$/.test(file) && !file.endsWith('.test.ts')).flatMap(examplesInSource),
  ]
  expect(examples.map(({ origin }) => origin.split(':')[0])).toContain('README.md')
  expect(compile(examples)).toEqual([])
})

test('the compiler does complain about a wrong example', () => {
  const wrong = { origin: 'wrong', path: join(repositoryRoot, 'wrong-example.ts'), code: 'const count: number = "three"\n' }
  expect(compile([wrong])).toEqual([expect.stringContaining('not assignable')])
})

import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { readText, repositoryRoot } from './repository.ts'

const { exports: subpaths } = JSON.parse(readText('package.json')) as { exports: Record<string, { types: string } | string> }
const entries = Object.values(subpaths)
  .filter(target => typeof target !== 'string')
  .map(({ types }) => join(repositoryRoot, types.replace('dist', 'src').replace('.d.ts', '.ts')))

interface Documented {
  readonly name: string
  readonly text: string
}

/** What users can import, and the members of the classes among it. */
function publicNames(files: readonly string[]): Documented[] {
  const config = ts.parseJsonConfigFileContent(JSON.parse(readText('tsconfig.json')), ts.sys, repositoryRoot)
  const program = ts.createProgram(files, { ...config.options, types: ['node'] })
  const checker = program.getTypeChecker()
  const describe = (name: string, symbol: ts.Symbol): Documented => ({
    name,
    text: ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(),
  })
  return files.flatMap(file => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!
    return checker.getExportsOfModule(module).flatMap(exported => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      return [describe(exported.name, symbol), ...methodsOf(symbol).map(method => describe(`${exported.name}.${method.name}`, method))]
    })
  })
}

function methodsOf(symbol: ts.Symbol): ts.Symbol[] {
  if (!(symbol.flags & ts.SymbolFlags.Class)) return []
  return [...(symbol.members?.values() ?? [])].filter(member => {
    const declaration = member.valueDeclaration
    return declaration !== undefined && ts.isMethodDeclaration(declaration) && !ts.isPrivateIdentifier(declaration.name)
  })
}

const names = publicNames(entries)

test('everything that can be imported says in a sentence what it is', () => {
  expect(names.length).toBeGreaterThan(150)
  expect(names.map(({ name }) => name)).toEqual(expect.arrayContaining(['load', 'HenceError', 'serve', 'BayesNet.explain']))
  expect(names.filter(({ text }) => !/^\S.{10,}[.:;]/s.test(text)).map(({ name, text }) => `${name}: ${text}`)).toEqual([])
})

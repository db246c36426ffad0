import { expect, test } from 'vitest'
import { listRepositoryFiles, readTable, readText } from './repository.ts'

const files = listRepositoryFiles()

/** Asks git rather than the disk: an empty folder would be missing in a fresh clone. */
function isInRepository(path: string): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`
  return files.some(file => file === path || file.startsWith(folder))
}

const pages = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md']

test.each(pages)('%s names only files and folders that exist', page => {
  const text = readText(page)
  const inCode = [...text.matchAll(/`((?:src|native|test|scripts|docs|bench|examples|models)\/[\w./-]*)`/g)]
  const inLinks = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)]
  const paths = [...inCode, ...inLinks].map(match => match[1]!)
  expect(paths).not.toEqual([])
  expect(paths.filter(path => !isInRepository(path))).toEqual([])
})

test('the table of layers equals layers.json', () => {
  const documented = readTable(readText('ARCHITECTURE.md'), 'folder').map(([folder, , imports]) => [
    folder!.replaceAll('`', ''),
    imports === '–' ? [] : imports!.split(', '),
  ])
  expect(documented).toEqual(Object.entries(JSON.parse(readText('layers.json'))))
})

test('imports go down the table: a layer imports only layers above it in the file', () => {
  const layers = JSON.parse(readText('layers.json')) as Record<string, string[]>
  const order = Object.keys(layers)
  for (const [folder, allowed] of Object.entries(layers)) {
    for (const other of allowed) expect(order.indexOf(other), `${folder} -> ${other}`).toBeLessThan(order.indexOf(folder))
  }
})

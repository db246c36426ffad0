import { expect, test } from 'vitest'
import { listRepositoryFiles, readText } from './repository.ts'

/** Written in pieces, so that this file does not hold them. */
const forbidden = new RegExp(
  ['\\bTO' + 'DO\\b', '\\bFIX' + 'ME\\b', '\\bXX' + 'X\\b', '/wo' + 'rk/', '/tmp/pl' + 'an', 'file:///(home|root|Users)'].join('|'),
)

const text = /\.(md|ts|mjs|cjs|js|json|cc|h|inc|txt|yml|yaml|sh)$|^\.ci\/|(^|\/)LICENSE$/

test('no text file names a place of one machine or leaves a note for later', () => {
  const found = listRepositoryFiles()
    .filter(path => text.test(path) && path !== 'package-lock.json')
    .flatMap(path =>
      readText(path)
        .split('\n')
        .flatMap((line, index) => (forbidden.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    )
  expect(found).toEqual([])
})

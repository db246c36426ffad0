import { expect, test } from 'vitest'
import { ERRORS } from '../../src/core/index.ts'
import { readTable, readText } from './repository.ts'

test('docs/errors.md lists every code with its hint, in the order of the registry', () => {
  const rows = readTable(readText('docs/errors.md'), 'code')
  expect(rows.map(([code, , hint]) => [code, hint])).toEqual(Object.entries(ERRORS).map(([code, hint]) => [`\`${code}\``, hint]))
  expect(rows.filter(([, meaning]) => !meaning)).toEqual([])
})

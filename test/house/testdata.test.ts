import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../testdata.ts'

describeWithTestdata('testdata', () => {
  test('has the files the suites read', () => {
    expect(existsSync(testdata('INDEX.md'))).toBe(true)
  })
})

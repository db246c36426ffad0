/**
 * Adds up vitest reports: `node scripts/sum-reports.mjs FOLDER [FAILED_STEPS]` prints `N passed, N failed, N skipped`.
 * A test that several runs share counts once, with its worst result; skipped only when no run ran it. A failed step that
 * no failed test accounts for counts as one failure. Exits with 1 when anything failed or nothing passed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, failedSteps = '0'] = process.argv.slice(2)
const rank = { failed: 2, passed: 1, skipped: 0 }

const results = new Map()
for (const name of existsSync(folder) ? readdirSync(folder) : []) {
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  for (const file of report.testResults) {
    // A file that failed to load, or to prepare, holds no failed test and would count for nothing.
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) record(file.name, 'failed')
    for (const { fullName, status } of file.assertionResults) record(`${file.name} > ${fullName}`, rank[status] ? status : 'skipped')
  }
}

function record(test, status) {
  const before = results.get(test)
  if (before === undefined || rank[status] > rank[before]) results.set(test, status)
}

const count = wanted => [...results.values()].filter(status => status === wanted).length
const passed = count('passed')
const failed = Math.max(count('failed'), Number(failedSteps))
console.log(`${passed} passed, ${failed} failed, ${count('skipped')} skipped`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

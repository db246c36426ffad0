/** Keeps files short: half within 150 lines, nine in ten within 400, none over 800 without a named reason. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const BUDGET = { median: 150, p90: 400, max: 800 }

/** Path -> why this file may be longer than the maximum. */
const LONGER_ALLOWED = {}

const files = ['src', 'native'].flatMap(countLines)
const lengths = files.map(({ lines }) => lines)
const total = { folder: 'all', ...summary(lengths) }
console.table([...folders(), total], ['folder', 'files', 'lines', 'median', 'p90', 'max'])

const failures = [
  ...(total.median > BUDGET.median ? [`the median file has ${total.median} lines, more than ${BUDGET.median}`] : []),
  ...(total.p90 > BUDGET.p90 ? [`a tenth of the files has ${total.p90} lines or more, the budget is ${BUDGET.p90}`] : []),
  ...files.filter(isTooLong).map(({ path, lines }) => `${path} has ${lines} lines, more than ${BUDGET.max}; split it or name a reason`),
  ...Object.keys(LONGER_ALLOWED)
    .filter(isAllowedInVain)
    .map(path => `${path} need not be on the list of long files`),
]
for (const failure of failures) console.error(`check-size: ${failure}`)
process.exitCode = failures.length > 0 ? 1 : 0

/** Tests are left out: a table of cases may be as long as it likes. */
function countLines(top) {
  if (!existsSync(join(root, top))) return []
  return readdirSync(join(root, top), { recursive: true })
    .map(name => `${top}/${name.replaceAll('\\', '/')}`)
    .filter(path => /\.(ts|cc|h|inc)$/.test(path) && !/(\.test\.ts|_test\.cc)$/.test(path) && !path.startsWith('native/test/'))
    .map(path => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n').length - 1 }))
}

function folders() {
  const names = [...new Set(files.map(folderOf))].sort()
  return names.map(folder => ({ folder, ...summary(files.filter(file => folderOf(file) === folder).map(({ lines }) => lines)) }))
}

/** `src/text` for everything below it, `src` and `native` for what lies directly in them. */
function folderOf({ path }) {
  return path.split('/').slice(0, -1).slice(0, 2).join('/')
}

function summary(unsorted) {
  const sorted = [...unsorted].sort((a, b) => a - b)
  const quantile = q => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
  const lines = sorted.reduce((sum, length) => sum + length, 0)
  return { files: sorted.length, lines, median: quantile(0.5), p90: quantile(0.9), max: quantile(1) }
}

function isTooLong({ path, lines }) {
  return lines > BUDGET.max && !(path in LONGER_ALLOWED)
}

function isAllowedInVain(path) {
  return !files.some(file => file.path === path && file.lines > BUDGET.max)
}

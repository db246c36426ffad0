/**
 * Runs cases of the ONNX backend test suite and says what is wrong with those that fail:
 *
 *   node scripts/onnx-cases.mjs [--folder DIR] [--backend reference|native] [--ops] [--quiet] [PATTERN…]
 *
 * PATTERN is a regular expression tried on the names of cases and on `op:NAME` of the operators in them (so
 * `'op:Conv$'` runs every case with a Conv); all cases without one. `--folder` takes unpacked cases instead of those of
 * testdata, `--backend` compiles the graphs instead of interpreting them, `--ops` adds a line per operator, `--quiet` leaves out the line of each failure. Cases that only lack an
 * operator are counted together.
 */
import { register } from 'node:module'
import { parseArgs } from 'node:util'

register('./typescript-hooks.mjs', import.meta.url)
const { casesOfFolder, casesOfTestdata, decodeCase } = await import('../test/conformance/onnx/cases.ts')
const { runCase } = await import('../test/conformance/onnx/run-case.ts')
const { interpret } = await import('../src/graph/interpreter.ts')
const { compiledOn } = await import('../test/conformance/onnx/run-compiled.ts')
const { openBackend } = await import('../src/backends/index.ts')

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string' },
    backend: { type: 'string' },
    ops: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})

const run = flags.backend ? compiledOn(openBackend({ backend: flags.backend })) : interpret
const patterns = positionals.map(pattern => new RegExp(pattern))
const cases = flags.folder ? casesOfFolder(flags.folder) : casesOfTestdata()
const byOperator = new Map()
const lacking = new Map()
let passed = 0
let ran = 0
for (const onnxCase of cases) {
  const operators = operatorsOf(onnxCase)
  const labels = [onnxCase.name, ...operators.map(name => `op:${name}`)]
  if (patterns.length > 0 && !patterns.some(pattern => labels.some(label => pattern.test(label)))) continue
  ran++
  const problem = await runCase(onnxCase, run)
  const missing = /Hence has no operator (\S+)/.exec(problem ?? '')?.[1]
  if (problem === undefined) passed++
  else if (missing) lacking.set(missing, (lacking.get(missing) ?? 0) + 1)
  else if (!flags.quiet) console.log(`FAIL ${onnxCase.name}: ${problem}`)
  for (const name of operators) {
    const count = byOperator.get(name) ?? { passed: 0, ran: 0 }
    byOperator.set(name, { passed: count.passed + (problem === undefined ? 1 : 0), ran: count.ran + 1 })
  }
}
if (flags.ops) for (const [name, count] of [...byOperator].sort()) console.log(`${count.passed}/${count.ran} ${name}`)
const lacks = [...lacking].sort(([, a], [, b]) => b - a)
if (lacks.length > 0) console.log(`missing: ${lacks.map(([name, count]) => `${name} ${count}`).join(', ')}`)
console.log(`${passed} of ${ran} cases pass`)
process.exitCode = passed === ran ? 0 : 1

function operatorsOf(onnxCase) {
  try {
    const { nodes } = decodeCase({ ...onnxCase, dataSets: [] }).model.graph
    return [...new Set(nodes.map(node => node.op))]
  } catch {
    return []
  }
}

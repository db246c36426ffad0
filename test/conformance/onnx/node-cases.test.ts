/**
 * The ONNX backend test suite on the definitions of the operators. Cases that fail stand in a list with their reasons,
 * which may only shrink.
 */
import { expect, test } from 'vitest'
import { interpret } from '../../../src/graph/interpreter.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { casesOfTestdata } from './cases.ts'
import { expectedFailures } from './expected-failures.ts'
import { runCase } from './run-case.ts'

const REQUIRED_SHARE = 0.97
/** The list may only shrink: lower this with it. */
const MOST_FAILURES = 11

describeWithTestdata('ONNX test cases', () => {
  const cases = casesOfTestdata()
  const problems = new Map<string, string | undefined>()

  for (const onnxCase of cases) {
    const reason = expectedFailures[onnxCase.name]
    test(onnxCase.name, async () => {
      const problem = await runCase(onnxCase, interpret)
      problems.set(onnxCase.name, problem)
      if (reason === undefined) expect(problem).toBeUndefined()
      else expect(problem, `it passes now: take ${onnxCase.name} out of expected-failures.json`).toBeDefined()
    })
  }

  test('the list names only cases there are, with a reason each', () => {
    expect(Object.keys(expectedFailures).length).toBeLessThanOrEqual(MOST_FAILURES)
    const names = new Set(cases.map(({ name }) => name))
    for (const [name, reason] of Object.entries(expectedFailures)) {
      expect(names).toContain(name)
      expect(reason.length, name).toBeGreaterThan(10)
    }
  })

  test(`at least ${REQUIRED_SHARE * 100} % pass`, () => {
    expect(problems.size).toBe(cases.length)
    const passed = [...problems.values()].filter(problem => problem === undefined).length
    console.info(`${passed} of ${cases.length} ONNX cases pass`)
    expect(passed / cases.length).toBeGreaterThanOrEqual(REQUIRED_SHARE)
  })
})

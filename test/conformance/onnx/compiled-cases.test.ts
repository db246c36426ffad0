/**
 * The ONNX backend test suite on graphs compiled for each backend: what passes by the operators' definitions passes
 * compiled too. Prints how many cases run wholly in the backend's own kernels.
 */
import { expect, test } from 'vitest'
import { openBackend, targets } from '../../../src/backends/index.ts'
import type { CompiledGraph } from '../../../src/graph/index.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { casesOfTestdata } from './cases.ts'
import { expectedFailures } from './expected-failures.ts'
import { runCase } from './run-case.ts'
import { compiledOn } from './run-compiled.ts'

for (const name of targets().length > 0 ? (['reference', 'native'] as const) : (['reference'] as const))
  describeWithTestdata(`ONNX test cases compiled for ${name}`, () => {
    test('give what the interpreter gives', async () => {
      const backend = openBackend({ backend: name, threads: 1 })
      const failed: string[] = []
      let ran = 0
      let native = 0
      for (const onnxCase of casesOfTestdata()) {
        if (expectedFailures[onnxCase.name] !== undefined) continue
        ran++
        let isNative = false
        const problem = await runCase(
          onnxCase,
          compiledOn(backend, graph => {
            isNative = isWhollyNative(graph)
          }),
        )
        if (problem !== undefined) failed.push(`${onnxCase.name}: ${problem}`)
        else if (isNative) native++
      }
      backend.dispose()
      console.info(
        `${name}: ${ran - failed.length} of ${ran} pass, ${native} of them wholly in kernels (${((100 * native) / ran).toFixed(0)} %)`,
      )
      expect(failed).toEqual([])
    }, 600_000)
  })

/** True when all the graph's work is done by kernels. */
function isWhollyNative({ plans }: CompiledGraph): boolean {
  const stages = [...plans.values()]
  return (
    stages.length > 0 &&
    stages.every(
      ({ steps, next }) =>
        next.size === 0 && steps.length > 0 && steps.every(step => step.kind === 'program' && step.executable.kernelShare === 1),
    )
  )
}

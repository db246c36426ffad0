import { afterAll, describe, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backends/index.ts'
import type { Tensor } from '../../src/core/index.ts'
import { availableBackends } from '../backends.ts'
import { memoryWeights } from '../memory-weights.ts'
import { attentionCases } from './attention-cases.ts'
import { axisCases } from './axis-cases.ts'
import { type ContractCase, EXACT_ERROR, expectClose, snapshot } from './case.ts'
import { copyCases } from './copy-cases.ts'
import { elementwiseCases } from './elementwise-cases.ts'
import { expertCases } from './expert-cases.ts'
import { hardCases } from './hard-cases.ts'
import { imageCases } from './image-cases.ts'
import { matmulCases } from './matmul-cases.ts'
import { productCases } from './product-cases.ts'
import { quantisedCases } from './quantised-cases.ts'
import { raggedCases } from './ragged-cases.ts'
import { recurrentCases } from './recurrent-cases.ts'
import { reduceCases } from './reduce-cases.ts'
import { stateCases } from './state-cases.ts'
import { treeCases } from './tree-cases.ts'

const CASES = [
  ...reduceCases,
  ...copyCases,
  ...elementwiseCases,
  ...attentionCases,
  ...axisCases,
  ...expertCases,
  ...hardCases,
  ...imageCases,
  ...matmulCases,
  ...productCases,
  ...quantisedCases,
  ...raggedCases,
  ...recurrentCases,
  ...stateCases,
  ...treeCases,
]

async function run(
  backend: ReturnType<typeof referenceBackend>,
  { program, weights, steps, limits }: ContractCase,
  precision: 'exact' | 'fast',
) {
  const executable = await backend.compile(program, memoryWeights(weights), { precision, limits })
  const execution = executable.createExecution()
  const outputs: Record<string, Tensor>[] = []
  for (const { inputs, dims } of steps) outputs.push(snapshot(await execution.run(inputs, dims)))
  execution.dispose()
  executable.dispose()
  return outputs
}

const expected = new Map<string, Promise<Record<string, Tensor>[]>>()

/** The reference answer of a case, computed once for all backends. */
function answer(theCase: ContractCase): Promise<Record<string, Tensor>[]> {
  const known = expected.get(theCase.name) ?? run(referenceBackend(), theCase, 'exact')
  expected.set(theCase.name, known)
  return known
}

it('names every case once', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length)
})

describe.each(availableBackends().filter(({ isNative }) => isNative))('$name computes what the reference computes', ({ open }) => {
  const backend = open()
  afterAll(() => backend.dispose())
  it.each(CASES)('$name', async theCase => {
    const want = await answer(theCase)
    for (const precision of ['exact', 'fast'] as const) {
      const got = await run(backend, theCase, precision)
      const error = precision === 'fast' ? Math.max(theCase.fastError ?? 0, EXACT_ERROR) : EXACT_ERROR
      for (const [step, outputs] of got.entries()) expectClose(outputs, want[step]!, error)
    }
  })
})

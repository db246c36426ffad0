import { expect, test } from 'vitest'
import { boundDim, ProgramBuilder } from '../../program/index.ts'
import { referenceBackend } from './reference-backend.ts'

test('memory that no machine has is refused as such', async () => {
  const builder = new ProgramBuilder('vast')
  const x = builder.input('x', 'f32', [boundDim('T')])
  builder.output('y', builder.op('map', 'negated', [x], { expression: ['neg', { input: 0 }] }))
  const weights = { tensors: new Map(), files: [] }
  const executable = await referenceBackend().compile(builder.build(), weights, { precision: 'exact', limits: { T: 2 ** 48 } })
  expect(() => executable.createExecution()).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }))
  executable.dispose()
})

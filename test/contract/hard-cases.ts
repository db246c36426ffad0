import { CaseBuilder, type ContractCase } from './case.ts'

/** Tokens sent to two of five experts each and brought together again. */
function routedExperts(): ContractCase {
  const c = new CaseBuilder('routed experts')
  const [tokens, width, experts, inner] = [7, 32, 5, 48]
  const { builder } = c
  const x = c.input('x', [tokens, width])
  const logits = builder.op('matmul', 'logits', [x, undefined, undefined, c.weight('router', [experts, width]), undefined], {})
  const [rows, weights, groups] = builder.apply('route', 'route', [logits], { expertsPerToken: 2, normalize: true })
  const gathered = builder.op('gather', 'gathered', [x, rows], {})
  const up = builder.op('matmul', 'up', [gathered, groups, undefined, c.weight('up', [experts, inner, width], 'f32', 0.2), undefined], {
    activation: 'silu',
  })
  const down = builder.op('matmul', 'down', [up, groups, undefined, c.weight('down', [experts, width, inner], 'f32', 0.2), undefined], {})
  builder.output('y', builder.op('scatter_add', 'y', [down, rows, weights, x], {}))
  return c.done({}, 0.012)
}

/** A produced dim: how many elements are not zero is known only when the program runs. */
function nonzeroThenGather(): ContractCase {
  const c = new CaseBuilder('nonzero, then gather')
  const { builder } = c
  const mask = builder.input('mask', 'f32', [9])
  c.inputs['mask'] = Float32Array.of(0, 1, 0, -2, 0, 0, 3, 0, 4)
  const positions = builder.op('nonzero', 'positions', [mask], { count: 'N' })
  const rows = builder.op('gather', 'rows', [c.input('table', [9, 6]), positions], {})
  builder.output('positions', positions)
  builder.output('y', builder.op('map', 'y', [rows], { expression: ['mul', { input: 0 }, { constant: 2 }] }))
  return c.done()
}

export const hardCases: readonly ContractCase[] = [routedExperts(), nonzeroThenGather()]

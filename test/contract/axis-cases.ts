import { CaseBuilder, type ContractCase } from './case.ts'

/** For each of `to` positions, `taps` positions of `from` around it and their weights. */
function table(c: CaseBuilder, name: string, from: number, to: number, taps: number, isWeighted: boolean) {
  const positions = Int32Array.from({ length: to * taps }, (_, i) => {
    const at = Math.floor((Math.floor(i / taps) * from) / to) + (i % taps) - Math.floor(taps / 2)
    return Math.min(Math.max(at, 0), from - 1)
  })
  return [
    c.builder.constant(`${name} positions`, { dtype: 'i32', shape: [to, taps] }, positions),
    isWeighted ? c.builder.constant(`${name} weights`, { dtype: 'f32', shape: [to, taps] }, c.numbers(to * taps)) : undefined,
  ]
}

function resizes(): ContractCase[] {
  const cases = [
    { x: [1, 7, 5, 3], to: [14, 10], taps: [1, 1], isWeighted: false },
    { x: [2, 7, 9, 40], to: [14, 18], taps: [1, 1], isWeighted: false },
    { x: [3, 9, 50, 1], to: [5, 33], taps: [1, 1], isWeighted: false },
    { x: [2, 6, 7, 1], to: [13, 20], taps: [2, 2], isWeighted: true },
    { x: [1, 16, 16, 21], to: [50, 33], taps: [2, 2], isWeighted: true },
    { x: [2, 8, 9, 5], to: [3, 4], taps: [4, 4], isWeighted: true },
    { x: [1, 20, 18, 70], to: [7, 18], taps: [7, 1], isWeighted: true },
    { x: [3, 1, 200, 1], to: [1, 90], taps: [1, 5], isWeighted: true },
    { x: [1, 28, 28, 128], to: [56, 56], taps: [2, 2], isWeighted: true },
  ] as const
  return cases.map(({ x: [batch, height, width, channels], to, taps, isWeighted }) => {
    const c = new CaseBuilder(`resize ${height}x${width}x${channels} to ${to}, ${isWeighted ? taps : 'nearest'}`)
    const tables = [...table(c, 'rows', height, to[0], taps[0], isWeighted), ...table(c, 'columns', width, to[1], taps[1], isWeighted)]
    c.builder.output('y', c.builder.op('resize', 'y', [c.input('x', [batch, height, width, channels]), ...tables], {}))
    return c.done()
  })
}

function groupNorms(): ContractCase[] {
  const cases = [
    { x: [1, 1, 4], groups: 2 },
    { x: [1, 35, 6], groups: 6 },
    { x: [2, 300, 19], groups: 1 },
    { x: [1, 784, 320], groups: 32 },
    { x: [3, 64, 72], groups: 72 },
    { x: [5, 7, 33], groups: 3 },
  ] as const
  return cases.map(({ x, groups }) => {
    const c = new CaseBuilder(`group norm of ${x} in ${groups} groups`)
    // A mean far from zero: one pass over squares would lose most digits.
    const far = c.builder.op('map', 'far', [c.input('x', x)], { expression: ['add', { input: 0 }, { constant: 30 }] })
    const operands = [far, c.weight('w', [x[2]]), c.weight('b', [x[2]])]
    c.builder.output('y', c.builder.op('group_norm', 'y', operands, { groups, epsilon: 1e-5 }))
    c.builder.output('plain', c.builder.op('group_norm', 'plain', [c.input('z', x)], { groups, epsilon: 1e-3 }))
    return c.done()
  })
}

function extremes(): ContractCase[] {
  const cases = [
    [[5], 0],
    [[6, 21], 1],
    [[7, 100], 1],
    [[9, 40], 0],
    [[2, 19, 35], 1],
    [[3, 1, 4], 1],
    [[40, 2, 3], 0],
  ] as const
  return cases.map(([shape, axis]) => {
    const c = new CaseBuilder(`extreme along axis ${axis} of ${shape}`)
    c.builder.output('max', c.builder.op('extreme', 'max', [c.input('x', shape)], { axis, kind: 'max' }))
    c.builder.output('min', c.builder.op('extreme', 'min', [c.input('z', shape)], { axis, kind: 'min' }))
    // Few different numbers, so that many are equal, and some that are none.
    const equal = ['round', { input: 0 }] as const
    const root = ['sqrt', ['add', { input: 0 }, { constant: 2 }]] as const
    for (const [name, expression] of Object.entries({ equal, root })) {
      const x = c.builder.op('map', name, [c.input(`${name} x`, shape)], { expression })
      for (const last of [false, true])
        for (const kind of ['max', 'min'] as const) {
          const label = `${name} ${kind} ${last}`
          c.builder.output(label, c.builder.op('extreme', label, [x], { axis, kind, last }))
        }
    }
    return c.done()
  })
}

function topKs(): ContractCase[] {
  const cases = [
    [[1, 1], 1],
    [[5, 33], 3],
    [[3, 1000], 5],
    [[2, 300], 300],
    [[1, 8400], 100],
    [[4, 20], 0],
  ] as const
  return cases.map(([shape, k]) => {
    const c = new CaseBuilder(`top ${k} of ${shape}`)
    const x = c.input('x', shape)
    const equal = c.builder.op('map', 'equal', [x], { expression: ['round', ['mul', { input: 0 }, { constant: 3 }]] })
    for (const [name, input] of Object.entries({ x, equal }))
      for (const smallest of [false, true])
        for (const [i, y] of c.builder.apply('top_k', `${name} ${smallest}`, [input], { k, smallest }).entries())
          c.builder.output(`${name} ${smallest} ${i}`, y)
    // Numbers that are none come first, or last of the smallest.
    const odd = c.builder.op('map', 'odd', [x], { expression: ['sqrt', { input: 0 }] })
    c.builder.output('odd', c.builder.apply('top_k', 'odd', [odd], { k, smallest: false })[1]!)
    c.builder.output('odd least', c.builder.apply('top_k', 'odd least', [odd], { k, smallest: true })[1]!)
    return c.done()
  })
}

function cumulatives(): ContractCase[] {
  const cases = [
    [[70], 0],
    [[5, 33], 0],
    [[5, 33], 1],
    [[2, 300, 40], 1],
    [[3, 4, 5, 6], 2],
  ] as const
  return cases.map(([shape, axis]) => {
    const c = new CaseBuilder(`running sums along axis ${axis} of ${shape}`)
    const x = c.input('x', shape)
    for (const exclusive of [false, true])
      for (const reverse of [false, true]) {
        const name = `sum ${exclusive} ${reverse}`
        c.builder.output(name, c.builder.op('cumulative', name, [x], { axis, kind: 'sum', exclusive, reverse }))
      }
    const near = c.builder.op('map', 'near one', [x], { expression: ['add', { constant: 1 }, ['mul', { input: 0 }, { constant: 0.05 }]] })
    c.builder.output('product', c.builder.op('cumulative', 'product', [near], { axis, kind: 'prod' }))
    return c.done()
  })
}

/** Ops along axes of a tensor. */
export const axisCases: readonly ContractCase[] = [...resizes(), ...groupNorms(), ...extremes(), ...topKs(), ...cumulatives()]

import { describe, expect, test } from 'vitest'
import { buildNetwork } from '../bayes/network.ts'
import { causalModel } from './causal-model.ts'

/** A treatment that helps men and women alike, given to those more likely to recover anyway. */
const simpson = buildNetwork({
  name: 'simpson',
  variables: [
    { name: 'gender', states: ['f', 'm'], table: [0.5, 0.5] },
    { name: 'drug', states: ['no', 'yes'], parents: ['gender'], table: [0.2, 0.8, 0.8, 0.2] },
    {
      name: 'recovered',
      states: ['no', 'yes'],
      parents: ['gender', 'drug'],
      table: [0.8, 0.2, 0.7, 0.3, 0.4, 0.6, 0.3, 0.7],
    },
  ],
})

describe('formulas and words', () => {
  test.each([
    [
      'x <- z -> y; x -> y',
      'P(y | do(x)) = Σ_{z} P(y | x, z) P(z)',
      'P(y \\mid \\mathrm{do}(x)) = \\sum_{z} P(y \\mid x, z)\\, P(z)',
      'x and y are connected by x <- z -> y too, which is not an effect of x. Cases alike in z are free of that: compare within each z, and average by how common each is.',
    ],
    [
      'x -> z -> y; x <-> y',
      "P(y | do(x)) = Σ_{z} P(z | x) Σ_{x'} P(y | x', z) P(x')",
      "P(y \\mid \\mathrm{do}(x)) = \\sum_{z} P(z \\mid x)\\, \\sum_{x'} P(y \\mid x', z)\\, P(x')",
      'x and y are connected by x <-> y too, and nothing measured blocks that. But all that x does to y goes through z: what x does to z can be seen, and what z does to y by comparing cases alike in x.',
    ],
    [
      'x -> y',
      'P(y | do(x)) = P(y | x)',
      'P(y \\mid \\mathrm{do}(x)) = P(y \\mid x)',
      'Only effects of x connect it with y, so seeing x tells as much as setting it.',
    ],
    [
      'x <- y',
      'P(y | do(x)) = P(y)',
      'P(y \\mid \\mathrm{do}(x)) = P(y)',
      'Nothing leads from x to y: setting x changes nothing about y, though seeing it does (x <- y).',
    ],
    [
      'w -> z -> x -> y; w <-> x; w <-> y',
      'P(y | do(x)) = [Σ_{w} P(w) P(x, y | w, z)] / [Σ_{w} P(w) P(x | w, z)]',
      'P(y \\mid \\mathrm{do}(x)) = \\frac{\\sum_{w} P(w)\\, P(x, y \\mid w, z)}{\\sum_{w} P(w)\\, P(x \\mid w, z)}',
      'The effect of x on y follows from observations by the formula, for every model with this graph.',
    ],
  ])('%s', (graph, text, latex, words) => {
    expect(causalModel(graph).ask('P(y | do(x))')).toMatchObject({ isIdentifiable: true, formula: { text, latex }, words })
  })

  test('a hedge, and what would help', () => {
    expect(causalModel('x -> y; u [hidden] -> x; u -> y').ask('P(y | do(x))')).toMatchObject({
      isIdentifiable: false,
      hedge: { forest: ['x', 'y'], subforest: ['y'] },
      wouldHelp: ['u'],
      words:
        'No amount of data on x and y determines the effect of x on y. Unmeasured causes tie x and y together, and x acts on y within: ' +
        'two models can agree on everything observed and differ in the effect. Measuring u would settle it.',
    })
  })

  test('separation shows the path', () => {
    const model = causalModel('x -> c <- y; c -> d; x <- a -> b')
    expect(model.separation('x', 'y')).toEqual({
      isSeparated: true,
      words: 'With nothing held fixed, x and y are independent: every path between them is blocked.',
    })
    expect(model.separation('x', 'y', ['d'])).toEqual({
      isSeparated: false,
      path: 'x -> c <- y',
      nodes: ['x', 'c', 'y'],
      words:
        'With d held fixed, x and y can depend on each other along x -> c <- y. ' +
        'Two arrowheads meet at c, which is open because it or an effect of it is held fixed.',
    })
    expect(() => model.separation('x', 'x')).toThrow('x is in two of the three sets')
  })

  test('strategies', () => {
    const model = causalModel('a -> x; a <-> y; x -> y; z -> x; b -> z; x <-> q; x -> m -> y')
    expect(model.strategies('x', 'y')).toEqual({
      adjustment: [['a']],
      backDoor: [['a']],
      frontDoor: [],
      instruments: ['b', 'q', 'z'].map(variable => ({ variable, given: [] })),
      isComplete: true,
    })
  })
})

describe('numbers', () => {
  test("Simpson's paradox: adjusted by hand", () => {
    const answer = causalModel(simpson).ask('P(recovered=yes | do(drug))')
    if (answer.kind !== 'effect') return expect.unreachable()
    expect(answer.numbers).toMatchObject({ effects: ['recovered'], states: [['yes']] })
    expect(answer.numbers!.rows).toEqual([
      { set: { drug: 'no' }, given: {}, doing: [expect.closeTo(0.4, 12)], seeing: [expect.closeTo(0.2 * 0.2 + 0.8 * 0.6, 12)] },
      { set: { drug: 'yes' }, given: {}, doing: [expect.closeTo(0.5, 12)], seeing: [expect.closeTo(0.8 * 0.3 + 0.2 * 0.7, 12)] },
    ])
    expect(answer.words).toContain(
      'Setting drug=yes instead of drug=no takes P(recovered=yes) from 0.4 to 0.5 (+0.1); ' +
        "merely seeing it goes from 0.52 to 0.38 (−0.14), the opposite way: Simpson's paradox.",
    )
  })

  test('with the confounder hidden there is no number for doing', () => {
    const answer = causalModel(simpson, { hidden: ['gender'] }).ask('P(recovered=yes | do(drug=yes))')
    if (answer.kind !== 'effect') return expect.unreachable()
    // P(drug=yes, recovered=yes) = 0.19, and all of the other half may or may not recover.
    const bounds = [[expect.closeTo(0.19, 9), expect.closeTo(0.69, 9)]]
    expect(answer.numbers!.rows[0]).toEqual({ set: { drug: 'yes' }, given: {}, bounds, seeing: [expect.closeTo(0.38, 12)] })
    expect(answer.words).toContain('The data leave P(recovered=yes | do(drug=yes)) from 0.19 to 0.69 open.')
    expect(() => causalModel(simpson, { hidden: ['gender'] }).ask('P(gender | do(drug=yes))')).toThrow('gender is hidden')
  })

  test('from data, counted', () => {
    const cases = (z: string, x: string, yes: number, no: number): { z: string; x: string; y: string }[] => [
      ...Array.from({ length: yes }, () => ({ z, x, y: 'yes' })),
      ...Array.from({ length: no }, () => ({ z, x, y: 'no' })),
    ]
    const data = [...cases('a', '0', 1, 1), ...cases('a', '1', 6, 2), ...cases('b', '0', 1, 7), ...cases('b', '1', 1, 1)]
    const answer = causalModel('z -> x -> y; z -> y', { data }).ask('P(y=yes | do(x=1))')
    if (answer.kind !== 'effect') return expect.unreachable()
    // Half of the cases have z=a: 6 of 8 there, 1 of 2 elsewhere.
    expect(answer.numbers!.rows[0]!.doing![0]).toBeCloseTo(0.5 * 0.75 + 0.5 * 0.5, 12)
    const unseen = causalModel('z -> x -> y; z -> y', { data: cases('a', '0', 1, 1).concat(cases('b', '1', 1, 1)) }).ask(
      'P(y=yes | do(x=1))',
    )
    if (unseen.kind !== 'effect') return expect.unreachable()
    expect(unseen.numbers!.rows[0]!.doing![0]).toBeNaN()
  })

  test('what would have been', () => {
    const answer = causalModel(
      buildNetwork({
        name: 'squad',
        variables: [
          { name: 'order', states: ['no', 'yes'], table: [0.3, 0.7] },
          { name: 'nerves', states: ['no', 'yes'], table: [0.95, 0.05] },
          { name: 'a', states: ['no', 'yes'], parents: ['order', 'nerves'], table: [1, 0, 0, 1, 0, 1, 0, 1] },
          { name: 'b', states: ['no', 'yes'], parents: ['order'], table: [1, 0, 0, 1] },
          { name: 'dead', states: ['no', 'yes'], parents: ['a', 'b'], table: [1, 0, 0, 1, 0, 1, 0, 1] },
        ],
      }),
    ).ask('P(dead[a=no] | dead=yes)')
    if (answer.kind !== 'counterfactual') return expect.unreachable()
    expect([...answer.values]).toEqual([expect.closeTo(3 / 143, 12), expect.closeTo(140 / 143, 12)])
    expect(answer.words).toBe(
      'Given dead=yes, which has probability 0.715, had a been no, dead would have been no with probability 0.02098, yes with probability 0.979.',
    )
  })
})

test('questions that cannot be are refused with what to do instead', () => {
  const graph = causalModel('x -> y')
  expect(() => graph.ask('P(y=1 | do(x))')).toThrow('a causal graph alone has no states')
  expect(() => graph.ask('P(y[x=1])')).toThrow('what would have been takes a network')
  expect(() => causalModel(simpson).ask('P(recovered=maybe | do(drug))')).toThrow('recovered has no state "maybe"; it has no, yes')
  expect(() => causalModel(simpson).ask('P(recovered | do(drugs))')).toThrow('did you mean "drug"?')
  expect(() => causalModel('x -> y', { data: [] })).toThrow('there are no cases to count')
  expect(() => causalModel('x -> y', { data: [{ x: 1, z: 2 }] })).toThrow('case 0 has no y; did you mean "z"?')
})

test('a graph of hundreds of variables, many of them hidden, takes no longer than a blink', () => {
  const lines = Array.from({ length: 400 }, (_, i) => [
    `v${i} -> v${i + 1}; v${i} -> v${i + 3}`,
    ...(i % 5 === 0 ? [`u${i} [hidden] -> v${i + 1}; u${i} -> v${i + 7}`] : []),
  ])
  const model = causalModel(lines.flat().join('\n'))
  expect(model.identify({ causes: ['v390'], effects: ['v402'] })).toHaveProperty('isIdentifiable')
  expect(model.identify({ causes: ['v10'], effects: ['v400'], given: ['v2'] })).toHaveProperty('isIdentifiable')
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { hence } from './cli-process.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-cli-causal-'))
afterAll(() => rmSync(root, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(root, name), text)
  return join(root, name)
}

const frontDoor = file('front-door.causal', '# smoking\nsmoking -> tar -> cancer\ngene [hidden] -> smoking; gene -> cancer\n')
const simpson = file(
  'simpson.bif',
  `network simpson {}
variable z { type discrete [ 2 ] { a, b }; }
variable x { type discrete [ 2 ] { no, yes }; }
variable y { type discrete [ 2 ] { no, yes }; }
probability ( z ) { table 0.5, 0.5; }
probability ( x | z ) { (a) 0.2, 0.8; (b) 0.8, 0.2; }
probability ( y | z, x ) { (a, no) 0.8, 0.2; (a, yes) 0.7, 0.3; (b, no) 0.4, 0.6; (b, yes) 0.3, 0.7; }
`,
)

describe('hence run with questions about causes', () => {
  test('a graph: formula, words, picture', async () => {
    const svg = join(root, 'graph.svg')
    const { code, stdout } = await hence(['run', frontDoor, 'P(cancer | do(smoking))', '--svg', svg])
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      "P(cancer | do(smoking)) = Σ_{tar} P(tar | smoking) Σ_{smoking'} P(cancer | smoking', tar) P(smoking')",
      'front door: {tar}',
    ])
    expect(readFileSync(svg, 'utf8')).toContain('>cancer</text>')
  })

  test('independence', async () => {
    expect((await hence(['run', frontDoor, 'gene _||_ tar | smoking'])).stdout).toBe(
      'independent\nWith smoking held fixed, gene and tar are independent: every path between them is blocked.\n',
    )
    const { stdout } = await hence(['run', frontDoor, 'smoking _||_ cancer | tar', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      isSeparated: false,
      path: 'smoking <- gene -> cancer',
      nodes: ['smoking', 'gene', 'cancer'],
    })
  })

  test('a network: numbers by doing and by seeing', async () => {
    const { stdout } = await hence(['run', simpson, 'P(y=yes | do(x))'])
    expect(stdout).toMatch(/^do\(x\) {2}y {4}by doing {2}by seeing\nno {5}yes {4}0\.4000 {5}0\.5200\nyes {4}yes {4}0\.5000 {5}0\.3800$/m)
    const hidden = await hence(['run', simpson, 'P(y=yes | do(x=yes))', '--hidden', 'z', '--json'])
    const answer = JSON.parse(hidden.stdout) as { isIdentifiable: boolean; numbers: { rows: { bounds: [number, number][] }[] } }
    expect(answer.isIdentifiable).toBe(false)
    expect(answer.numbers.rows[0]!.bounds[0]).toEqual([expect.closeTo(0.19, 9), expect.closeTo(0.69, 9)])
  })

  test('an intervention without P( ) is a question to the network', async () => {
    expect((await hence(['run', simpson, 'y | do(x=yes)'])).stdout).toMatch(/^ {2}yes {2}0\.5000/m)
  })

  test('data', async () => {
    const rows = ['a,no,no', 'a,no,yes', 'a,yes,yes', 'b,no,no', 'b,yes,no', 'b,yes,yes']
    const data = file('cases.csv', `z,x,y\n${rows.join('\n')}\n`)
    const graph = file('graph.causal', 'z -> x -> y; z -> y')
    const { stdout } = await hence(['run', graph, 'P(y=yes | do(x=yes))', '--data', data, '--json'])
    const { numbers } = JSON.parse(stdout) as { numbers: { rows: { doing: number[] }[] } }
    expect(numbers.rows[0]!.doing[0]).toBeCloseTo(0.5 * 1 + 0.5 * 0.5, 12)
  })

  test('what cannot be asked is said', async () => {
    const results = [
      await hence(['run', frontDoor]),
      await hence(['run', frontDoor, 'P(cancer | do(smokin))']),
      await hence(['run', simpson, 'P(y[x=no]=yes | y=yes)']),
      await hence(['run', simpson, 'P(y | do(x))', '--data', 'x.csv']),
      await hence(['run', simpson, 'P(y | do(x))', '--samples', '10']),
      await hence(['run', file('cycle.causal', 'a -> b -> a'), 'P(a | do(b))']),
    ]
    expect(results.map(({ code, stderr }) => [code, stderr.split('\n')[0]])).toEqual([
      [2, expect.stringContaining('needs a question')],
      [1, 'hence: the causal graph has no variable "smokin"; did you mean "smoking"?'],
      [1, 'hence: what y would have been is left open by its table: P(y=no | z=a, x=no) = 0.8'],
      [2, expect.stringContaining('has its own numbers')],
      [2, expect.stringContaining('a Bayesian network asked about causes, which has no use for --samples')],
      [1, 'hence: the causal graph has a cycle: a -> b -> a'],
    ])
  })
})

test('hence inspect: a graph, a network and its junction tree as pictures', async () => {
  const svg = join(root, 'inspected.svg')
  expect((await hence(['inspect', frontDoor, '--svg', svg])).stdout).toContain('  4 variables, hidden: gene\n  smoking -> tar\n')
  expect(readFileSync(svg, 'utf8')).toContain('stroke-dasharray')
  const tree = join(root, 'tree.svg')
  expect((await hence(['inspect', simpson, '--svg', svg, '--tree-svg', tree])).code).toBe(0)
  expect(readFileSync(tree, 'utf8')).toContain('simpson: treewidth 2, 8 cells in 1 clique<')
  expect((await hence(['run', simpson, 'y | x=yes', '--svg', svg])).code).toBe(0)
  expect(readFileSync(svg, 'utf8')).toContain('>simpson given x=yes</text>')
})

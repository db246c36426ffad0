import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { hence } from './cli-process.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-cli-bayes-'))
afterAll(() => rmSync(root, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(root, name), text)
  return join(root, name)
}

const alarm = file(
  'alarm.bif',
  `network alarm {}
variable fault { type discrete [ 2 ] { yes, no }; }
variable noise { type discrete [ 2 ] { yes, no }; }
variable alarm { type discrete [ 2 ] { on, off }; }
probability ( fault ) { table 0.2, 0.8; }
probability ( noise ) { table 0.5, 0.5; }
probability ( alarm | fault, noise ) { (yes, yes) 1, 0; (yes, no) 1, 0; (no, yes) 0.25, 0.75; (no, no) 0, 1; }
`,
)

describe('hence run with a Bayesian network', () => {
  test('posteriors with bars', async () => {
    const { code, stdout } = await hence(['run', alarm, 'fault', '|', 'alarm=on'])
    expect(code).toBe(0)
    // 0.2 against 0.8 · 0.5 · 0.25
    expect(stdout).toBe('fault\n  yes  0.6667  ████████████████████··········\n  no   0.3333  ██████████····················\n')
  })

  test('as JSON, with likelihoods and interventions', async () => {
    const { stdout } = await hence(['run', alarm, 'fault | noise=[1, 3], do(alarm=on)', '--json'])
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({ method: 've', isExact: true, posteriors: { fault: { yes: expect.closeTo(0.2, 12) } } })
    expect(answer.query).toEqual({ given: { noise: [1, 3] }, do: { alarm: 'on' } })
    expect(answer.logEvidence).toBeCloseTo(Math.log(2), 12)
  })

  test('joint, best and explanation', async () => {
    const joint = await hence(['run', alarm, 'fault, noise | alarm=on', '--joint', '--json'])
    expect(JSON.parse(joint.stdout)).toMatchObject({ variables: ['fault', 'noise'], shape: [2, 2] })
    const best = await hence(['run', alarm, '| alarm=off', '--best', '2'])
    expect(best.stdout).toBe('0.5714\n  fault  no\n  noise  no\n0.4286\n  fault  no\n  noise  yes\n')
    const explained = await hence(['run', alarm, 'fault | alarm=on, noise=no', '--explain'])
    expect(explained.stdout).toContain('what the findings did to fault=yes\n  alarm=on  +0.8000  0.2000 without it\n')
  })

  test('approximate answers say so', async () => {
    const { stdout, stderr } = await hence(['run', alarm, 'fault | alarm=on', '--method', 'lw', '--samples', '5000', '--seed', '3'])
    expect(stdout).toMatch(/yes {2}0\.6\d+ {2}█+·+ {2}± 0\.0\d+/)
    expect(stderr).toMatch(/approximate \(lw\): 5,000 samples worth [\d,]+, seed 3/)
  })

  test.each([
    [['fault | alram=on'], 1, 'the network has no variable "alram"; did you mean "alarm"?'],
    [['fault | alarm=off, noise=no, fault=yes'], 1, 'alarm=off, fault=yes contradict each other'],
    [['fault | alarm'], 2, 'expected a finding like X=state or do(X=state), found "alarm"'],
    [['fault | alarm=on, alarm=off'], 2, 'alarm is given twice'],
    [['fault', '--temperature', '1'], 2, 'is a Bayesian network, which has no use for --temperature'],
    [['fault, noise', '--method', 've', '--max-cells', '1'], 1, 'table cells, more than 1'],
  ])('%j is refused', async (words, code, message) => {
    const answer = await hence(['run', alarm, ...words])
    expect(answer.code).toBe(code)
    expect(answer.stderr).toContain(message)
  })
})

test('hence inspect shows treewidth, cells and costs', async () => {
  const { code, stdout } = await hence(['inspect', alarm])
  expect(code).toBe(0)
  expect(stdout).toContain('variables    3, up to 2 states and 2 parents')
  expect(stdout).toContain('treewidth 2 or less, 8 cells')
  const json = JSON.parse((await hence(['inspect', alarm, '--json'])).stdout)
  expect(json).toMatchObject({
    kind: 'network',
    format: 'bif',
    variables: 3,
    arcs: 2,
    cells: 12,
    zeros: 3,
    cost: { jtree: { width: 2, cells: 8 } },
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readNpy } from '../../src/formats/index.ts'
import { describeWithTestdata, testdata } from '../testdata.ts'
import { hence } from './cli-process.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-cli-encoder-'))
afterAll(() => rmSync(root, { recursive: true }))
const refs = (name: string): string => testdata('refs', name)

describeWithTestdata('hence run ENCODER', () => {
  test('does what the model was trained for', async () => {
    const filled = await hence(['run', refs('bert'), 'The river carries [MASK] wooden boxes.', '--top', '2'])
    expect(filled).toEqual({
      code: 0,
      stderr: '',
      stdout: '13.0 %  the river carriesle wooden boxes.\n 7.5 %  the river carries pe wooden boxes.\n',
    })
    const classified = await hence(['run', refs('roberta'), 'how', 'water', 'becomes', 'steam?', '--json'])
    expect(JSON.parse(classified.stdout)).toMatchObject({
      task: 'classify-text',
      texts: ['how water becomes steam?'],
      results: [[{ label: 'LABEL_1' }, { label: 'LABEL_0' }, { label: 'LABEL_2' }]],
    })
    const seen = await hence(['run', refs('vit'), join(refs('vit'), 'image.png'), '--top', '1'])
    expect(seen).toMatchObject({ code: 0, stdout: '53.3 %  LABEL_6\n' })
    const chosen = await hence(['run', refs('clip'), join(refs('clip'), 'image.png'), '--label', 'a river', '--label', 'boxes', '--json'])
    expect(JSON.parse(chosen.stdout)).toMatchObject({
      task: 'classify-image-zero-shot',
      classes: [{ label: 'boxes' }, { label: 'a river' }],
    })
  })

  test('--embed: a vector for each line, in text or a file', async () => {
    const { stdout } = await hence(['run', refs('bert'), '--embed'], { stdin: 'one text\nanother\n' })
    const rows = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as number[])
    expect(rows.map(row => row.length)).toEqual([64, 64])
    const path = join(root, 'v.npy')
    const written = await hence(['run', refs('bert'), '--embed', '--output', path], { stdin: 'one text\nanother\n' })
    expect(written).toMatchObject({ code: 0, stdout: '' })
    const { shape, data } = await readNpy(path)
    expect(shape).toEqual([2, 64])
    expect(Array.from(data as Float32Array)).toEqual(rows.flat())
    const spoken = await hence(['run', refs('clip'), '--embed', 'boxes', '--json'])
    expect((JSON.parse(spoken.stdout) as { results: number[][] }).results[0]).toHaveLength(48)
  })

  test('a text that is too long is cut, and that is said', async () => {
    const { stderr, code } = await hence(['run', refs('bert'), '--embed', 'word '.repeat(400)])
    expect(code).toBe(0)
    expect(stderr).toContain('note: 1 text longer than the model takes')
  })

  test('tensors go in and out by name', async () => {
    const { stdout, code } = await hence(['run', refs('bert'), '--input', 'input_ids=[[2, 32, 3]]', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ outputs: { logits: { shape: [1, 3, 512] } } })
  })

  test.each([
    [['--temperature', '1', 'x'], 'is an encoder, which has no use for --temperature'],
    [['--task', 'classify-text', 'x'], 'has no head that classifies texts'],
    [['--task', 'translat', 'x'], '--task'],
    [['--output', 'x.npy', 'a [MASK]'], '--output writes vectors'],
  ])('%j is refused', async (flags, message) => {
    const { code, stderr } = await hence(['run', refs('bert'), ...flags])
    expect(code).toBeGreaterThan(0)
    expect(stderr).toContain(message)
  })

  test('inspect shows what it takes and its program', async () => {
    const { stdout, code } = await hence(['inspect', refs('clip'), '--program'])
    expect(code).toBe(0)
    expect(stdout).toContain('pixel_values')
    expect(stdout).toContain('ragged_attention')
    const { stdout: json } = await hence(['inspect', refs('bert'), '--json'])
    expect(JSON.parse(json)).toMatchObject({ kind: 'tensor', metadata: { architecture: 'bert' } })
  })
})

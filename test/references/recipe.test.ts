import { describe, expect, test } from 'vitest'
import { digestRow, readExpected } from './expected.ts'
import { generatedCheckpoint } from './generated-checkpoint.ts'
import { checksum, elementCount, FAMILIES, fillTensor, promptIds, readRecipe } from './recipe.ts'

/** Larger tensors (the vocabulary's) are left to the conformance test. */
const MAX_ELEMENTS = 2 ** 22

describe.each(FAMILIES)('recipe of %s', family => {
  const recipe = readRecipe(family)
  const expected = readExpected(family)

  test('has the tensors that numpy made', () => {
    expect(recipe.tensors.map(tensor => tensor.name)).toEqual(Object.keys(expected.tensors))
    const small = recipe.tensors.filter(tensor => elementCount(tensor) <= MAX_ELEMENTS)
    const sums = small.map(tensor => [tensor.name, checksum(fillTensor(tensor, 0, elementCount(tensor)))])
    expect(sums).toEqual(small.map(({ name }) => [name, expected.tensors[name]]))
  })

  test('has the prompt that numpy made', () => {
    const ids = promptIds(recipe)
    const sum = ids.reduce((total, id) => total + id, 0)
    expect({ length: ids.length, start: [...ids.slice(0, 8)], end: [...ids.slice(-8)], sum }).toEqual(expected.prompt)
  })

  test('is long, wide and has answers that single them out', () => {
    expect(recipe.promptLength).toBeGreaterThan(2_048)
    expect(recipe.vocabularySize).toBeGreaterThanOrEqual(32_000)
    const tolerance = Math.max(2e-4, 10 * expected.noise.logits)
    expect(Math.min(...Object.values(expected.sensitivity))).toBeGreaterThan(3 * tolerance)
    for (const margin of [expected.greedy.smallestMargin, ...expected.rows.map(row => row.margin)])
      expect(margin).toBeGreaterThan(3 * tolerance)
  })

  test('agrees in float64 with a decoder of its own', () => {
    for (const { position, logits } of expected.float64) {
      const row = expected.rows.find(candidate => candidate.position === position)!
      for (const [i, logit] of logits.entries()) expect(Math.abs(logit - row.logits[i]!)).toBeLessThanOrEqual(expected.noise.logits)
    }
  })
})

test('a generated checkpoint reads any range of bytes', async () => {
  const recipe = readRecipe('llama')
  const tensor = generatedCheckpoint(recipe).tensors.get('model.norm.weight')!
  const all = await tensor.read()
  expect(all.length).toBe(tensor.byteLength)
  for (const [offset, length] of [[0, 4], [5, 0], [1, 10], [400, 3_696]] as const) // biome-ignore format: a table
    expect(await tensor.read(offset, length)).toEqual(all.slice(offset, offset + length))
  await expect(tensor.read(4_000, 97)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

test('a row is digested', () => {
  expect(digestRow(Float32Array.of(1, 4, -2, 3), [3, 0], 2)).toEqual({
    logits: [3, 1],
    max: 4,
    argmax: 1,
    margin: 1,
    mean: 1.5,
    norm: Math.sqrt(30),
    blockSums: [5, 1],
  })
})

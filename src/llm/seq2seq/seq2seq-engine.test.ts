import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tinySeq2Seq } from '../../../test/tiny-seq2seq.ts'
import { referenceBackend } from '../../backends/index.ts'
import { argmax } from '../sampler.ts'
import { Seq2Seq } from './seq2seq.ts'
import { Seq2SeqEngine } from './seq2seq-engine.ts'
import { writeSeq2Seq } from './seq2seq-source.ts'

const LIMITS = { sources: 3, sourceTokens: 48, sourceContext: 40, tokens: 12, sequences: 8, rows: 12, targetContext: 40, blocks: 14 }
const SEARCH = { lengthPenalty: 1, earlyStopping: false, endTokens: new Set([1]), rules: [] } as const

let engine: Seq2SeqEngine

async function start(blocks: number): Promise<Seq2SeqEngine> {
  const source = tinySeq2Seq()
  const programs = writeSeq2Seq(source, { kvType: 'f32' })
  const options = { backend: referenceBackend(), precision: 'exact', limits: { ...LIMITS, blocks } } as const
  return new Seq2SeqEngine(await Seq2Seq.compile(source, programs, options))
}

beforeAll(async () => {
  engine = await start(LIMITS.blocks)
})

afterAll(() => engine.dispose())

async function greedy(source: readonly number[], prefix: readonly number[], count: number): Promise<number[]> {
  const memory = await engine.encode(source)
  const written: number[] = []
  const onLogits = (logits: Float32Array, _position: number, rows: number): number | undefined => {
    written.push(argmax(logits.subarray((rows - 1) * 40)))
    return written.length < count ? written.at(-1) : undefined
  }
  await engine.write({ memory, prefix, mostTokens: prefix.length + count, rules: [] }, { onLogits })
  return written
}

async function search(source: readonly number[], beams: number, maxTokens: number) {
  return engine.search(await engine.encode(source), [0], { ...SEARCH, beams, maxTokens })
}

const texts = fc.array(fc.integer({ min: 2, max: 39 }), { minLength: 1, maxLength: 20 })

describe('Seq2SeqEngine', () => {
  it('writes at once what it writes alone, and gives all blocks back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(texts, texts, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 6 }), async jobs => {
        const together = await Promise.all(jobs.map(([source, prefix, count]) => greedy(source, prefix, count)))
        for (const [i, [source, prefix, count]] of jobs.entries()) expect(together[i]).toEqual(await greedy(source, prefix, count))
        expect(engine.load).toMatchObject({ running: 0, waiting: 0, freeBlocks: LIMITS.blocks })
      }),
      { numRuns: 8 },
    )
  })

  it('finds at once what it finds alone; one beam takes the likeliest tokens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(texts, fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 4 }), async jobs => {
        const together = await Promise.all(jobs.map(([source, beams]) => search(source, beams, 18)))
        for (const [i, [source, beams]] of jobs.entries()) {
          expect(together[i]).toEqual(await search(source, beams, 18))
          const [best] = together[i]!
          if (beams === 1) expect(best!.tokens).toEqual((await greedy(source, [0], 18)).slice(0, best!.tokens.length))
        }
        expect(engine.load.freeBlocks).toBe(LIMITS.blocks)
      }),
      { numRuns: 6 },
    )
  })

  it('follows every text when there are enough beams', async () => {
    const [source, length] = [[5, 6, 7], 2]
    const found = await engine.search(await engine.encode(source), [0], {
      ...SEARCH,
      endTokens: new Set<number>(),
      beams: 8,
      maxTokens: length,
    })
    const logProbabilities = (row: Float32Array): number[] => {
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      return Array.from(row, x => x - total)
    }
    const rowAfter = async (prefix: readonly number[]): Promise<number[]> => {
      let row: number[] = []
      const onLogits = (logits: Float32Array): undefined => {
        row = logProbabilities(logits)
      }
      await engine.write({ memory: await engine.encode(source), prefix, mostTokens: 9, rules: [] }, { onLogits })
      return row
    }
    const first = await rowAfter([0])
    const likeliest = [...first.keys()].sort((a, b) => first[b]! - first[a]!).slice(0, 8)
    const all = (
      await Promise.all(likeliest.map(async a => (await rowAfter([0, a])).map((p, b) => ({ tokens: [a, b], score: (first[a]! + p) / 2 }))))
    ).flat()
    const best = all.sort((a, b) => b.score - a.score).slice(0, 8)
    expect(found.map(({ tokens }) => tokens)).toEqual(best.map(({ tokens }) => tokens))
    for (const [i, { score }] of found.entries()) expect(score).toBeCloseTo(best[i]!.score, 4)
  })

  it('refuses what cannot be', async () => {
    const memory = await engine.encode([5])
    const request = { memory, mostTokens: 40, rules: [] }
    const onLogits = (): undefined => undefined
    await expect(engine.encode([])).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(engine.encode(Array.from({ length: 41 }, () => 5))).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' })
    await expect(engine.write({ ...request, prefix: [] }, { onLogits })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(engine.write({ ...request, prefix: Array.from({ length: 41 }, () => 5) }, { onLogits })).rejects.toMatchObject({
      code: 'CONTEXT_OVERFLOW',
    })
    await expect(search([5], 9, 4)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    const aborted = AbortSignal.abort()
    await expect(engine.encode([5], aborted)).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(engine.write({ ...request, prefix: [0] }, { onLogits }, aborted)).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('ends a search that needs more blocks than there are', async () => {
    const small = await start(4)
    const memory = await small.encode([5])
    const options = { ...SEARCH, beams: 8, maxTokens: 12 }
    await expect(small.search(memory, [0], options)).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', details: { blocks: 4 } })
    expect(small.load).toMatchObject({ running: 0, waiting: 0, freeBlocks: 4 })
    expect(await small.search(memory, [0], { ...options, beams: 2 })).toHaveLength(2)
    await small.dispose()
    await expect(small.encode([5])).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})

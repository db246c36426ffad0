/** Sequences with a state of fixed size, through the engine: what they answer does not depend on what happens around them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/index.ts'
import { argmax, type BatchSlice, Decoder, Engine, kvTypeOf, stepLimits, writeDecoder } from '../../../src/llm/index.ts'
import { availableBackends } from '../../backends.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { copyOf, huggingFaceReference, largestDifference, type ReferenceModel } from './reference-model.ts'

const CONTEXT = 256
/** Backends whose kernels differ in this: plain TypeScript and native code, whose instruction sets share their sources. */
const BACKENDS = availableBackends().filter(({ isNative }, i, all) => !isNative || i === all.findIndex(one => one.isNative))

describeWithTestdata('states', () => {
  for (const { name, open } of BACKENDS)
    describe.each(['mamba', 'lfm2'])(`of %s on ${name}`, folder => {
      let model: ReferenceModel
      let backend: Backend
      let decoder: Decoder

      beforeAll(async () => {
        model = await huggingFaceReference(folder)
        backend = open()
        const { source } = model
        const program = writeDecoder(source, { kvType: kvTypeOf('exact') })
        // Two sequences at once, and blocks for a long and a short one.
        const limits = { ...stepLimits(source.config, CONTEXT, 8 * 16, 4), tokens: 24, snapshots: 3 }
        decoder = await Decoder.compile(source, program, { backend, precision: 'exact', limits })
      })

      afterAll(async () => {
        decoder.dispose()
        backend.dispose()
        await model.close()
      })

      /** Continues a prompt greedily; `onToken` hears of every token. */
      const continued = async (engine: Engine, prompt: number, signal?: AbortSignal, onToken?: (count: number) => void) => {
        const { ids, greedy } = model.prompts[prompt]!
        const tokens: number[] = []
        const onLogits = (logits: Float32Array): number | undefined => {
          tokens.push(argmax(logits))
          onToken?.(tokens.length)
          return tokens.length < greedy.length ? tokens.at(-1) : undefined
        }
        await engine.run(ids, { onLogits }, { signal })
        return tokens
      }

      test('sequences that give way and start over say the same', async () => {
        const run = decoder.run.bind(decoder)
        let begun = 0
        const counting = {
          limits: decoder.limits,
          config: decoder.config,
          executable: decoder.executable,
          lastComputeMs: 0,
          copyState: (from: number, to: number) => decoder.copyState(from, to),
          run: (slices: readonly BatchSlice[]) => {
            begun += slices.filter(({ start }) => start === 0).length
            expect(new Set(slices.map(({ stateSlot }) => stateSlot)).size).toBe(slices.length)
            return run(slices)
          },
        } as unknown as Decoder
        const engine = new Engine(counting, { prefixCache: false })
        const answers = await Promise.all(model.prompts.flatMap((_, i) => [continued(engine, i), continued(engine, i)]))
        expect(answers).toEqual(model.prompts.flatMap(({ greedy }) => [greedy, greedy]))
        // More beginnings than sequences: some were made to give way.
        expect(begun).toBeGreaterThan(answers.length)
        const { running, waiting, heldBlocks, freeBlocks, cachedBlocks } = engine.load
        expect([running, waiting, heldBlocks, freeBlocks + cachedBlocks]).toEqual([0, 0, 0, 8])
      })

      test('a beginning whose state is kept is not computed again', async () => {
        const engine = new Engine(decoder)
        const longest = model.prompts.reduce((best, { ids }, i) => (ids.length > model.prompts[best]!.ids.length ? i : best), 0)
        const { ids, greedy } = model.prompts[longest]!
        expect(ids.length).toBeGreaterThan(16)
        for (let round = 0; round < 3; round++) expect(await continued(engine, longest)).toEqual(greedy)
        const known = 16 * Math.floor((ids.length - 1) / 16)
        expect(engine.load).toMatchObject({ prefixQueries: 3 * ids.length, prefixHits: 2 * known })
        const cold = new Engine(decoder, { prefixCache: false })
        expect(await continued(cold, longest)).toEqual(greedy)
        expect(cold.load.prefixHits).toBe(0)
      })

      test('a sequence in the slot of one that was aborted begins with nothing', async () => {
        const engine = new Engine(decoder)
        for (let round = 0; round < 3; round++) {
          const controller = new AbortController()
          const aborted = continued(engine, 1, controller.signal, count => {
            if (count === 3) controller.abort()
          })
          await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
          expect(await continued(engine, 0)).toEqual(model.prompts[0]!.greedy)
        }
      })

      test('a state is copied, and goes back to a snapshot', async () => {
        const tokens = model.prompts[2]!.ids
        const { vocabulary } = model.source.config
        const blocks = [0, 1, 2, 3]
        const rowsOf = async (slice: Omit<BatchSlice, 'tokens' | 'blocks' | 'rowCount'>) =>
          copyOf(await decoder.run([{ tokens, blocks, rowCount: 1, ...slice }]), 'logits')
        const expected = (await model.numbers(2, 'logits'))!
        const rowAt = (position: number): Float32Array => expected.subarray(position * vocabulary, (position + 1) * vocabulary)
        await rowsOf({ start: 0, count: 20, stateSlot: 3, snapshot: { token: 11, slot: 1 } })
        decoder.copyState(3, 0)
        expect(largestDifference(await rowsOf({ start: 20, count: 5, stateSlot: 0 }), rowAt(24))).toBeLessThan(2e-4)
        // Back to after token 11: the same rows again, in another slot and from the snapshot itself.
        decoder.copyState(1, 3)
        for (const stateSlot of [3, 1])
          expect(largestDifference(await rowsOf({ start: 12, count: 8, stateSlot }), rowAt(19))).toBeLessThan(2e-4)
        // Without going back the state has seen tokens it should not have.
        expect(largestDifference(await rowsOf({ start: 12, count: 8, stateSlot: 1 }), rowAt(19))).toBeGreaterThan(0.01)
      })
    })
})

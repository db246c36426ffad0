/** LongRoPE: a sequence that outgrows the original context is computed anew, and goes on as if it had always been long. */
import { expect, test } from 'vitest'
import { argmax, Decoder, Engine, stepLimits, writeDecoder } from '../../../src/llm/index.ts'
import { availableBackends } from '../../backends.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { huggingFaceReference } from './reference-model.ts'

/**
 * What transformers 5.18 adds to the second prompt, 16 tokens, when it computes all of the sequence for each token; the
 * original context, 48 tokens, ends in the middle. The smallest distance between the two best logits is 0.033.
 */
const GREEDY = [
  ...[478, 328, 245, 438, 61, 438, 414, 292, 238, 415, 57, 353, 454, 105, 245, 414, 353, 437, 455, 132],
  ...[478, 221, 49, 45, 328, 497, 429, 497, 221, 493, 380, 120, 362, 239, 345, 478, 76, 189, 413, 239],
  ...[345, 120, 34, 406, 275, 478, 429, 34, 3, 57, 313, 192, 504, 12, 45, 57, 313, 450, 115, 350],
]

describeWithTestdata('longrope', () => {
  test.each(availableBackends())('$name: crosses the original context', async target => {
    const model = await huggingFaceReference('phi3-longrope')
    const backend = target.open()
    const { source } = model
    const limits = stepLimits(source.config, 256, 1_024)
    const decoder = await Decoder.compile(source, writeDecoder(source, { kvType: 'f32' }), { backend, precision: 'exact', limits })
    const engine = new Engine(decoder)
    const generate = async (prompt: readonly number[], count: number, firstRow?: number): Promise<number[]> => {
      const tokens: number[] = []
      const positions: number[] = []
      const onLogits = (logits: Float32Array, position: number, rows: number): number | undefined => {
        positions.push(...Array.from({ length: rows }, (_, i) => position + i))
        if (position + rows < prompt.length) return undefined
        const next = argmax(logits.subarray((rows - 1) * source.config.vocabulary))
        tokens.push(next)
        return tokens.length < count ? next : undefined
      }
      await engine.run(prompt, { onLogits, firstRow })
      // Every row is answered once, whether its sequence was computed once or twice.
      expect(positions).toEqual(Array.from({ length: positions.length }, (_, i) => (firstRow ?? prompt.length - 1) + i))
      return tokens
    }
    const [short, crossing, long] = model.prompts
    // Beside sequences that stay on one side.
    const [first, second, third] = await Promise.all([
      generate(short!.ids, short!.greedy.length),
      generate(crossing!.ids, GREEDY.length, 0),
      generate(long!.ids, long!.greedy.length),
    ])
    expect(second).toEqual(GREEDY)
    expect(second!.slice(0, crossing!.greedy.length)).toEqual(crossing!.greedy)
    expect([first, third]).toEqual([short!.greedy, long!.greedy])
    await engine.dispose()
    backend.dispose()
    await model.close()
  })
})

import { readFileSync } from 'node:fs'
import type { Backend, Precision } from '../../../src/backends/index.ts'
import type { DecoderSource, KvType } from '../../../src/llm/index.ts'
import { Decoder, kvTypeOf, stepLimits, writeDecoder } from '../../../src/llm/index.ts'
import { tokenizerFromLlama2c } from '../../../src/text/index.ts'
import { testdata } from '../../testdata.ts'

/** Stories for small children, as the model was trained on, but none that it has seen. */
const STORIES = [
  `Once upon a time there was a little girl named Mia. Mia had a red ball. She liked to play with her ball in the park. One day, Mia
threw the ball very high. It went up and up, and then it fell into a big tree. "Oh no!" said Mia. "My ball is stuck!" A bird sat in
the tree. The bird saw the ball and pushed it with its beak. The ball fell down. Mia was so happy. "Thank you, little bird!" she
said. Mia and the bird became good friends, and they played in the park every day.`,
  `Tom was a small dog who loved to dig. He dug holes in the garden, and he dug holes in the sand. One morning, he found a shiny box
under the ground. Tom wanted to open the box, but it was too hard. He ran to his friend Sam. Sam was a big, strong boy. "Can you
help me open it?" asked Tom. Sam took a stick and opened the box. Inside there was a yellow key. They looked for a door that would
fit the key. They looked all day long. In the end they found a little door behind the house. Behind the door there were toys for
everyone. Tom and Sam were very proud.`,
  `It was a cold day and the snow was deep. Lily and her brother Ben wanted to make a snowman. They rolled a big ball, then a smaller
ball, and then a very small one. Mom gave them a carrot for the nose. Ben put his own hat on the snowman's head. "Now he will not be
cold," said Ben. At night the wind was strong and the hat flew away. In the morning Ben was sad, but then he saw a rabbit. The rabbit
was sleeping in the hat. Ben smiled. "You can keep it," he said. He learned that it feels good to share.`,
]

/** How a text goes through the model: all of it at once, or a few tokens at a time, for which `fast` has other kernels. */
export type Pace = 'at once' | 'few by few'

/** Tokens of a step that count as few. */
const FEW = 16

/** Perplexity of {@link STORIES}: exp of the mean of −ln p over all tokens but the first of each. */
export async function perplexityOf(
  source: DecoderSource,
  backend: Backend,
  precision: Precision,
  pace: Pace,
  kvType: KvType = kvTypeOf(precision),
): Promise<number> {
  const { vocabulary, context } = source.config
  const tokenizer = tokenizerFromLlama2c(readFileSync(testdata('llm', 'stories260K', 'tok512.bin')), vocabulary)
  const program = writeDecoder(source, { kvType })
  const decoder = await Decoder.compile(source, program, { backend, precision, limits: stepLimits(source.config, context, context) })
  const blocks = Array.from({ length: context / 16 }, (_, i) => i)
  let [loss, count] = [0, 0]
  for (const story of STORIES) {
    const tokens = [1, ...tokenizer.encode(story.replaceAll('\n', ' '), { addSpecial: false })]
    const last = tokens.length - 1
    for (let start = 0; start < last; ) {
      const step = pace === 'at once' ? last : Math.min(FEW, last - start)
      const { logits } = await decoder.run([{ tokens, start, count: step, rowCount: step, blocks }])
      for (let i = 0; i < step; i++) {
        const row = (logits!.data as Float32Array).subarray(i * vocabulary, (i + 1) * vocabulary)
        const largest = row.reduce((a, b) => Math.max(a, b))
        const total = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)
        loss += Math.log(total) - (row[tokens[start + i + 1]!]! - largest)
        count++
      }
      start += step
    }
  }
  decoder.dispose()
  return Math.exp(loss / count)
}

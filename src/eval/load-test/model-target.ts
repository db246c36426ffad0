import type { GenerateOptions, LanguageModel } from '../../core/index.ts'
import { HenceError } from '../../core/index.ts'
import { isConversation, type LoadTarget } from './load-target.ts'

/** A model in this process as a target. */
export function modelTarget(model: LanguageModel, sampling: Pick<GenerateOptions, 'temperature'>): LoadTarget {
  const { source } = model.describe()
  return {
    backend: 'in-process',
    model: source.replace(/^.*[\\/](?=.)/, ''),
    location: source,
    async send({ prompt, maxTokens, ignoreEos }, onPiece, signal) {
      const options = { ...sampling, maxTokens, ignoreEos, signal }
      const generation = isConversation(prompt) ? model.chat(prompt, options) : model.generate(prompt, options)
      for await (const _ of generation) onPiece()
      const { finishReason, usage } = await generation.done()
      if (finishReason === 'aborted') throw new HenceError('ABORTED', 'the request was aborted')
      return { promptTokens: usage.promptTokens, completionTokens: usage.completionTokens }
    },
  }
}

import { fileURLToPath } from 'node:url'
import { HenceError, type LanguageModel, type ModelDescription, throwIfAborted } from '../core/index.ts'
import { BACKEND_NAMES, type EngineOptions, planEngine, startEngine } from '../llm/index.ts'
import { abortSignal, callback, checkOptions, integer, type OptionRule, oneOf, text } from './check-options.ts'
import { describeModel } from './describe-model.ts'
import { createLanguageModel } from './language-model.ts'
import { type OpenModelOptions, openModel } from './open-model.ts'

/** Options of {@link load}. */
export interface LoadOptions extends EngineOptions, OpenModelOptions {}

const RULES: Readonly<Record<string, OptionRule>> = {
  backend: oneOf(...BACKEND_NAMES),
  threads: integer(1, 256),
  target: text,
  context: integer(1, 2 ** 27),
  precision: oneOf('exact', 'fast'),
  tokenizer: value =>
    typeof value === 'string' || (typeof value === 'object' && value !== null && 'encode' in value) ? undefined : 'a path or a tokenizer',
  chatTemplate: text,
  signal: abortSignal,
  onProgress: callback,
}

/**
 * Loads a model: a GGUF file (any part of a split one), a Hugging Face folder, a safetensors file with its config.json, or
 * a llama2.c checkpoint. What it is, is told from its content.
 *
 * @param source - path or file URL
 * @throws HenceError about the file, its configuration, its tensors, memory, or the backend
 * @example
 * ```ts
 * import { load } from 'hence'
 * const model = await load('model.gguf')
 * const { text } = await model.generate('Once upon a time', { maxTokens: 50 }).done()
 * model.dispose()
 * ```
 */
export async function load(source: string | URL, options: LoadOptions = {}): Promise<LanguageModel> {
  checkOptions('load', options, RULES)
  throwIfAborted(options.signal)
  const model = await openModel(pathOf(source), options)
  try {
    const { engine, plan, backend } = await startEngine(model.decoder, options)
    const { name, threads } = backend
    const description = { ...describeModel(model, plan), backend: { name, threads, kernelShare: engine.decoder.executable.kernelShare } }
    return createLanguageModel({ model, engine, backend, description })
  } finally {
    await model.decoder.checkpoint.close()
  }
}

/**
 * Describes a model without reading its weights: sizes, formats, memory. A context that does not fit is described by the
 * largest one that does.
 *
 * @throws HenceError as {@link load}, except `OUT_OF_MEMORY`
 */
export async function inspect(source: string | URL, options: LoadOptions = {}): Promise<ModelDescription> {
  checkOptions('inspect', options, RULES)
  const model = await openModel(pathOf(source), options)
  try {
    return describeModel(model, planEngine(model.decoder, options))
  } finally {
    await model.decoder.checkpoint.close()
  }
}

function pathOf(source: string | URL): string {
  if (typeof source === 'string' && source !== '') return source.startsWith('file://') ? fileURLToPath(source) : source
  if (source instanceof URL && source.protocol === 'file:') return fileURLToPath(source)
  throw new HenceError('OPTION_INVALID', `load: the source must be a path or a file URL, is ${JSON.stringify(String(source))}`)
}

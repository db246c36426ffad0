import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HenceError } from '../core/index.ts'
import { type Checkpoint, detectFormat, openGguf, openHuggingFaceFolder, openLlama2c, openSafetensors } from '../formats/index.ts'
import {
  DEFAULT_SAMPLING,
  type DecoderSource,
  decoderFromGguf,
  decoderFromHuggingFace,
  decoderFromLlama2c,
  type Sampling,
} from '../llm/index.ts'
import {
  ChatTemplate,
  chatTemplateFromConfig,
  chatTemplateFromGguf,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
} from '../text/index.ts'
import { findTokenizer, openTokenizer } from './find-tokenizer.ts'
import { endTokensOf, samplingFromGguf, samplingFromHuggingFace } from './sampling-defaults.ts'

/** A model as its files describe it, no weight read yet. */
export interface OpenModel {
  readonly path: string
  readonly decoder: DecoderSource
  readonly tokenizer: Tokenizer | undefined
  readonly chatTemplate: ChatTemplate | undefined
  readonly sampling: Sampling
  /** Ids that end an answer. */
  readonly endTokens: ReadonlySet<number>
}

/** What the caller says about files that lie elsewhere. */
export interface OpenModelOptions {
  readonly signal?: AbortSignal | undefined
  /** Path of a tokenizer file or its folder, or a tokenizer. */
  readonly tokenizer?: string | Tokenizer | undefined
  /** A chat template in Jinja, instead of the model's own. */
  readonly chatTemplate?: string | undefined
}

/** What each kind of source gives before the caller's wishes. */
type Found = Omit<OpenModel, 'path' | 'endTokens'> & { readonly endTokens: readonly number[] }

/**
 * Opens the model at a path, whatever its format; the caller closes `decoder.checkpoint`.
 *
 * @throws HenceError about files, formats, configuration and tokenizer
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenModel> {
  const { kind, path: found } = await detectFormat(path)
  const open = {
    gguf: fromGguf,
    huggingface: fromHuggingFace,
    safetensors: fromSafetensors,
    llama2c: fromLlama2c,
    onnx: refuseGraph,
    network: refuseNetwork,
    causal: refuseCausalGraph,
  }[kind]
  const model = await open(found, options)
  try {
    const tokenizer =
      typeof options.tokenizer === 'string'
        ? await openTokenizer(options.tokenizer, model.decoder.config.vocabulary)
        : (options.tokenizer ?? model.tokenizer)
    const chatTemplate =
      options.chatTemplate === undefined ? model.chatTemplate : new ChatTemplate(options.chatTemplate, specialTexts(tokenizer))
    return { ...model, path: found, tokenizer, chatTemplate, endTokens: new Set([...model.endTokens, ...(tokenizer?.special.eos ?? [])]) }
  } catch (error) {
    await model.decoder.checkpoint.close()
    throw error
  }
}

async function fromGguf(path: string, { signal, tokenizer }: OpenModelOptions): Promise<Found> {
  const file = await openGguf(path, { signal })
  return closingOnError(file, async () => {
    const decoder = await decoderFromGguf(file, path)
    const hasTokenizer = file.metadata.has('tokenizer.ggml.model')
    return {
      decoder,
      tokenizer:
        tokenizer !== undefined
          ? undefined
          : hasTokenizer
            ? tokenizerFromGguf(file.metadata)
            : await findTokenizer(dirname(path), decoder.config.vocabulary),
      chatTemplate: chatTemplateFromGguf(file.metadata),
      sampling: samplingFromGguf(file.metadata, path),
      endTokens: [],
    }
  })
}

async function fromHuggingFace(path: string, { signal, tokenizer }: OpenModelOptions): Promise<Found> {
  const { config, generationConfig, tokenizerJson, tokenizerConfig, chatTemplate, checkpoint } = await openHuggingFaceFolder(path, {
    signal,
  })
  return closingOnError(checkpoint, async () => {
    const decoder = decoderFromHuggingFace(config, checkpoint, `${path} config.json`)
    return {
      decoder,
      tokenizer:
        tokenizer !== undefined
          ? undefined
          : tokenizerJson
            ? tokenizerFromJson(tokenizerJson, tokenizerConfig)
            : await findTokenizer(path, decoder.config.vocabulary),
      chatTemplate: chatTemplateFromConfig(tokenizerConfig, chatTemplate),
      sampling: generationConfig ? samplingFromHuggingFace(generationConfig, `${path} generation_config.json`) : DEFAULT_SAMPLING,
      endTokens: [...endTokensOf(generationConfig), ...endTokensOf(config)],
    }
  })
}

/** A weight file belongs to the folder around it, which has the configuration. */
async function fromSafetensors(path: string, options: OpenModelOptions): Promise<Found> {
  const folder = dirname(path)
  if (!(await stat(`${folder}/config.json`).catch(() => undefined)))
    throw new HenceError('CONFIG_INVALID', `${path}: there is no config.json beside it, which says what the tensors are for`, {
      path,
      hint: 'Put the config.json of the model beside its weights.',
    })
  const found = await fromHuggingFace(folder, options)
  const { checkpoint } = found.decoder
  if (path.endsWith('.index.json') || checkpoint.files.some(file => file.path === path)) return found
  await checkpoint.close()
  return { ...found, decoder: { ...found.decoder, checkpoint: await openSafetensors(path, options) } }
}

async function fromLlama2c(path: string, { signal, tokenizer }: OpenModelOptions): Promise<Found> {
  const file = await openLlama2c(path, { signal })
  return closingOnError(file, async () => {
    const decoder = decoderFromLlama2c(file, path)
    const beside = tokenizer === undefined ? await findTokenizer(dirname(path), decoder.config.vocabulary) : undefined
    return { decoder, tokenizer: beside, chatTemplate: undefined, sampling: DEFAULT_SAMPLING, endTokens: [] }
  })
}

async function refuseGraph(path: string): Promise<never> {
  throw new HenceError('FORMAT_UNSUPPORTED', `${path} is an ONNX graph, not a language model`, {
    path,
    hint: 'Generating text takes a GGUF file, a Hugging Face folder or a llama2.c checkpoint.',
  })
}

async function refuseNetwork(path: string): Promise<never> {
  throw new HenceError('FORMAT_UNSUPPORTED', `${path} is a Bayesian network, not a language model`, {
    path,
    hint: "load(path, { kind: 'network' }) opens it, `hence run` asks it.",
  })
}

async function refuseCausalGraph(path: string): Promise<never> {
  throw new HenceError('FORMAT_UNSUPPORTED', `${path} is a causal graph, not a language model`, {
    path,
    hint: "load(path, { kind: 'causal' }) opens it, `hence run` asks it.",
  })
}

async function closingOnError(checkpoint: Checkpoint, open: () => Promise<Found>): Promise<Found> {
  try {
    return await open()
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

function specialTexts(tokenizer: Tokenizer | undefined): { bosToken?: string; eosToken?: string } {
  const { bos, eos = [] } = tokenizer?.special ?? {}
  return {
    ...(tokenizer && bos !== undefined ? { bosToken: tokenizer.tokenText(bos) } : {}),
    ...(tokenizer && eos[0] !== undefined ? { eosToken: tokenizer.tokenText(eos[0]) } : {}),
  }
}

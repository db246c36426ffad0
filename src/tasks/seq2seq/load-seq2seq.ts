import { elementCount, type LanguageModel, type ModelDescription } from '../../core/index.ts'
import { type EngineOptions, planSeq2Seq, type Seq2SeqPlan, startSeq2Seq } from '../../llm/index.ts'
import { tensorTypesOf } from '../describe-model.ts'
import type { OpenModelOptions } from '../open-model.ts'
import { type OpenSeq2Seq, openSeq2Seq } from './open-seq2seq.ts'
import { Seq2SeqModel } from './seq2seq-model.ts'

/** Loads the encoder–decoder in a folder. @throws HenceError about its files, configuration, tensors, memory, or the backend */
export async function loadSeq2Seq(folder: string, options: EngineOptions & OpenModelOptions): Promise<LanguageModel> {
  return withSeq2Seq(folder, options, async open => {
    const { engine, plan, backend } = await startSeq2Seq(open.source, options)
    const { encoder, decoder } = engine.model
    const { name, threads } = backend
    const kernelShare = Math.min(encoder.kernelShare, decoder.kernelShare)
    return new Seq2SeqModel({ open, engine, backend, description: { ...describe(open, plan), backend: { name, threads, kernelShare } } })
  })
}

/** Describes the encoder–decoder in a folder without preparing it to run. */
export async function inspectSeq2Seq(folder: string, options: EngineOptions & OpenModelOptions): Promise<ModelDescription> {
  return withSeq2Seq(folder, options, async open => describe(open, planSeq2Seq(open.source, options)))
}

async function withSeq2Seq<T>(folder: string, options: OpenModelOptions, use: (open: OpenSeq2Seq) => Promise<T>): Promise<T> {
  const open = await openSeq2Seq(folder, options)
  try {
    return await use(open)
  } finally {
    await open.source.checkpoint.close()
  }
}

function describe({ path, source, tokenizer, sampling }: OpenSeq2Seq, { limits, precision, memory }: Seq2SeqPlan): ModelDescription {
  const { config, checkpoint } = source
  const { encoder, decoder } = config
  const [layer] = decoder.layers
  return {
    kind: 'language',
    source: path,
    format: checkpoint.format,
    architecture: config.architecture,
    parameters: [...checkpoint.tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    layers: decoder.layers.length,
    attentionLayers: decoder.layers.length,
    hidden: config.hidden,
    heads: layer!.heads,
    kvHeads: layer!.heads,
    headDim: layer!.headDim,
    mlpWidth: layer!.mlp.width,
    vocabulary: config.vocabulary,
    modelContext: decoder.input.context ?? limits.targetContext,
    context: limits.targetContext,
    encoder: {
      input: encoder.input.kind === 'sound' ? 'sound' : 'text',
      layers: encoder.layers.length,
      context: limits.sourceContext,
    },
    files: checkpoint.files.map(file => ({ path: file.path, bytes: file.size })),
    tensorTypes: tensorTypesOf(checkpoint),
    precision,
    memory,
    hasTokenizer: tokenizer !== undefined,
    hasChatTemplate: false,
    sampling: { ...sampling },
  }
}

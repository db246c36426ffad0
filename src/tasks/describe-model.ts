import { elementCount, type ModelDescription } from '../core/index.ts'
import type { Checkpoint } from '../formats/index.ts'
import { type EnginePlan, isExperts } from '../llm/index.ts'
import type { OpenModel } from './open-model.ts'

/** A model as plain JSON data. */
export function describeModel(model: OpenModel, { context, precision, memory }: EnginePlan): ModelDescription {
  const { path, decoder, tokenizer, chatTemplate, sampling } = model
  const { config, checkpoint } = decoder
  const attention = config.layers.flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer] : []))
  const experts = config.layers.flatMap(({ mlp }) => (isExperts(mlp) ? [mlp] : []))
  const mlp = config.layers.flatMap(layer => (layer.mlp === null || isExperts(layer.mlp) ? [] : [layer.mlp]))[0]
  return {
    kind: 'language',
    source: path,
    format: checkpoint.format,
    architecture: config.architecture,
    parameters: [...checkpoint.tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    layers: config.layers.length,
    hidden: config.hidden,
    ...(attention.length < config.layers.length && { attentionLayers: attention.length }),
    heads: attention[0]?.heads ?? 0,
    kvHeads: attention[0]?.kvHeads ?? 0,
    headDim: attention[0]?.headDim ?? 0,
    mlpWidth: mlp?.width ?? 0,
    ...(experts[0] && {
      experts: { layers: experts.length, count: experts[0].count, perToken: experts[0].perToken, width: experts[0].width },
    }),
    vocabulary: config.vocabulary,
    modelContext: config.context,
    context,
    files: checkpoint.files.map(file => ({ path: file.path, bytes: file.size })),
    tensorTypes: tensorTypesOf(checkpoint),
    precision,
    memory,
    hasTokenizer: tokenizer !== undefined,
    hasChatTemplate: chatTemplate !== undefined,
    sampling: { ...sampling },
  }
}

/** Tensors by how they are stored. */
export function tensorTypesOf(checkpoint: Checkpoint): ModelDescription['tensorTypes'] {
  const types: Record<string, { tensors: number; elements: number; bytes: number }> = {}
  for (const { type, shape, byteLength } of checkpoint.tensors.values()) {
    types[type] ??= { tensors: 0, elements: 0, bytes: 0 }
    const entry = types[type]
    entry.tensors++
    entry.elements += elementCount(shape)
    entry.bytes += byteLength
  }
  return types
}

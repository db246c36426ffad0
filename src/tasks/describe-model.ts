import { elementCount, type ModelDescription } from '../core/index.ts'
import type { Checkpoint } from '../formats/index.ts'
import type { EnginePlan } from '../llm/index.ts'
import type { OpenModel } from './open-model.ts'

/** A model as plain JSON data. */
export function describeModel(model: OpenModel, { context, precision, memory }: EnginePlan): ModelDescription {
  const { path, decoder, tokenizer, chatTemplate, sampling } = model
  const { config, checkpoint } = decoder
  const { mixer, mlp } = config.layers[0]!
  return {
    kind: 'language',
    source: path,
    format: checkpoint.format,
    architecture: config.architecture,
    parameters: [...checkpoint.tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    layers: config.layers.length,
    hidden: config.hidden,
    heads: mixer.heads,
    kvHeads: mixer.kvHeads,
    headDim: mixer.headDim,
    mlpWidth: mlp.width,
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

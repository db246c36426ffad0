import { dirname } from 'node:path'
import { HenceError } from '../core/index.ts'
import { type Checkpoint, detectFormat, openGguf, openHuggingFaceFolder, openLlama2c } from '../formats/index.ts'
import { type DecoderSource, decoderFromGguf, decoderFromHuggingFace, decoderFromLlama2c } from '../llm/index.ts'

/** A model's files without a promise that Hence can run them. */
export interface OpenSource {
  readonly path: string
  readonly checkpoint: Checkpoint
  /** What the file calls its architecture. */
  readonly architecture: string
  /** @throws HenceError when Hence cannot run the model */
  readDecoder(): Promise<DecoderSource>
}

/** Opens the files of a model; the caller closes `checkpoint`. */
export async function openSource(source: string): Promise<OpenSource> {
  const { kind, path } = await detectFormat(source)
  if (kind === 'gguf') {
    const file = await openGguf(path)
    const architecture = String(file.metadata.get('general.architecture') ?? 'unknown')
    return { path, checkpoint: file, architecture, readDecoder: () => decoderFromGguf(file, path) }
  }
  if (kind === 'llama2c') {
    const file = await openLlama2c(path)
    return { path, checkpoint: file, architecture: 'llama', readDecoder: async () => decoderFromLlama2c(file, path) }
  }
  if (kind === 'onnx') throw new HenceError('FORMAT_UNSUPPORTED', `${path} is an ONNX graph, not a checkpoint of weights`, { path })
  if (kind === 'network') throw new HenceError('FORMAT_UNSUPPORTED', `${path} is a Bayesian network, not a checkpoint of weights`, { path })
  // A weight file belongs to the folder around it, which has the configuration.
  const { config, checkpoint } = await openHuggingFaceFolder(kind === 'safetensors' ? dirname(path) : path)
  const architecture = String(config['model_type'] ?? 'unknown')
  return { path, checkpoint, architecture, readDecoder: async () => decoderFromHuggingFace(config, checkpoint, `${path} config.json`) }
}

import { HenceError } from '../core/index.ts'
import { type Checkpoint, type GgufFile, type Llama2cFile, readFloat32, requireSupported } from '../formats/index.ts'
import type { Architecture, ArchitectureForm, TensorSizes } from './architectures/architecture.ts'
import { ARCHITECTURES, architectureOf } from './architectures/index.ts'
import { ConfigFields } from './config-fields.ts'
import type { DecoderSource } from './decoder.ts'
import type { DecoderConfig } from './decoder-config.ts'

/**
 * The decoder in a Hugging Face folder.
 *
 * @param config - `config.json` in its normalised spelling
 * @throws HenceError `ARCHITECTURE_UNKNOWN`, `CONFIG_INVALID`, `FORMAT_UNSUPPORTED`
 */
export function decoderFromHuggingFace(config: Readonly<Record<string, unknown>>, checkpoint: Checkpoint, origin: string): DecoderSource {
  const fields = ConfigFields.ofObject(origin, config)
  return read(architectureOf(fields.text('model_type'), origin), 'huggingFace', fields, checkpoint)
}

/**
 * The decoder in a GGUF file.
 *
 * @throws HenceError `ARCHITECTURE_UNKNOWN`, `CONFIG_INVALID`, `FORMAT_UNSUPPORTED`, `TENSOR_MISMATCH`
 */
export async function decoderFromGguf(file: GgufFile, origin: string): Promise<DecoderSource> {
  const name = new ConfigFields(origin, key => file.metadata.get(key)).text('general.architecture')
  const fields = new ConfigFields(origin, key => file.metadata.get(`${name}.${key}`))
  const source = read(architectureOf(name, origin), 'gguf', fields, file)
  return { ...source, config: await withRopeFactors(source.config, file) }
}

/** The decoder in a llama2.c checkpoint: a llama with GGUF's tensor names. */
export function decoderFromLlama2c(file: Llama2cFile, origin: string): DecoderSource {
  const { dim, hiddenDim, layerCount, headCount, kvHeadCount, contextLength } = file.config
  const fields = ConfigFields.ofObject(origin, {
    embedding_length: dim,
    feed_forward_length: hiddenDim,
    block_count: layerCount,
    'attention.head_count': headCount,
    'attention.head_count_kv': kvHeadCount,
    'attention.layer_norm_rms_epsilon': 1e-5,
    context_length: contextLength,
  })
  return read(ARCHITECTURES['llama']!, 'gguf', fields, file)
}

function read(architecture: Architecture, kind: 'huggingFace' | 'gguf', fields: ConfigFields, checkpoint: Checkpoint): DecoderSource {
  requireSupported(checkpoint)
  const form: ArchitectureForm = architecture[kind]
  const sizes: TensorSizes = { has: name => checkpoint.tensors.has(name), shapeOf: name => checkpoint.tensors.get(name)?.shape }
  return { config: form.readConfig(fields, sizes), names: form.names, checkpoint }
}

/** Llama 3.1 and later files carry a divisor for each rotary frequency. */
async function withRopeFactors(config: DecoderConfig, { tensors }: Checkpoint): Promise<DecoderConfig> {
  const tensor = tensors.get('rope_freqs.weight')
  if (!tensor || config.position.kind !== 'rope') return config
  const { frequencies } = config.position
  if (tensor.shape.length !== 1 || tensor.shape[0] !== frequencies.length)
    throw new HenceError(
      'TENSOR_MISMATCH',
      `rope_freqs.weight has shape [${tensor.shape.join(', ')}], the configuration calls for [${frequencies.length}]`,
      {
        tensor: tensor.name,
        stored: tensor.shape,
        wanted: [frequencies.length],
      },
    )
  const factors = await readFloat32(tensor)
  return { ...config, position: { ...config.position, frequencies: frequencies.map((frequency, i) => frequency / factors[i]!) } }
}

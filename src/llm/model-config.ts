import { HenceError } from '../core/index.ts'
import { type Checkpoint, type GgufFile, type Llama2cFile, readFloat32, requireSupported } from '../formats/index.ts'
import { type Architecture, type ArchitectureForm, tensorSizes } from './architectures/architecture.ts'
import { ARCHITECTURES, architectureOf } from './architectures/index.ts'
import { ConfigFields } from './config-fields.ts'
import type { DecoderSource } from './decoder.ts'
import { DECODER_LIMITS, type DecoderConfig, type RopeConfig } from './decoder-config.ts'
import { checkRope } from './rope-frequencies.ts'

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
  return { ...source, config: await withRopeFactors(source.config, file, fields) }
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
  const sizes = tensorSizes(checkpoint)
  const config = form.readConfig(fields, sizes)
  return { config, names: typeof form.names === 'function' ? form.names(config, sizes) : form.names, checkpoint }
}

/**
 * Some files carry a divisor for each rotary frequency: Llama 3.1 and later one set, files with LongRoPE one for short and
 * one for long sequences.
 */
async function withRopeFactors(config: DecoderConfig, { tensors }: Checkpoint, fields: ConfigFields): Promise<DecoderConfig> {
  const rope = config.ropes[0]
  if (!rope) return config
  const read = async (name: string): Promise<Float32Array | undefined> => {
    const tensor = tensors.get(name)
    if (!tensor) return undefined
    const wanted = [rope.frequencies.length]
    if (tensor.shape.length === 1 && tensor.shape[0] === wanted[0]) return readFloat32(tensor)
    const message = `${name} has shape [${tensor.shape.join(', ')}], the configuration calls for [${wanted.join(', ')}]`
    throw new HenceError('TENSOR_MISMATCH', message, { tensor: name, stored: tensor.shape, wanted })
  }
  const divided = (factors: Float32Array): RopeConfig['frequencies'] => rope.frequencies.map((frequency, i) => frequency / factors[i]!)
  const every = await read('rope_freqs.weight')
  const [short, long] = [await read('rope_factors_short.weight'), await read('rope_factors_long.weight')]
  const after = fields.integer('rope.scaling.original_context_length', DECODER_LIMITS.context, config.context)
  const frequencies = every ?? short
  const turns = checkRope(fields, {
    frequencies: frequencies ? divided(frequencies) : rope.frequencies,
    scale: rope.scale,
    long: long ? { frequencies: divided(long), after } : rope.long,
  })
  return { ...config, ropes: [{ ...turns, style: rope.style }, ...config.ropes.slice(1)] }
}

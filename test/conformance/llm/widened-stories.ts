import {
  type Checkpoint,
  openHuggingFaceFolder,
  quantize,
  readFloat32,
  type StoredTensor,
  type WeightType,
} from '../../../src/formats/index.ts'
import { type DecoderSource, decoderFromHuggingFace } from '../../../src/llm/index.ts'
import { testdata } from '../../testdata.ts'

/** A multiple of every block size. */
const WIDTH = 256
const GROWTH = 4
const COARSE: readonly WeightType[] = ['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q2_k', 'q3_k', 'q4_k', 'q5_k', 'iq4_nl', 'iq4_xs', 'mxfp4']

/**
 * stories260K with all its widths rounded up to 256 by zeros, so that its matrices can be stored in blocks of any size. It
 * computes what it did: heads and channels of zeros add nothing, and where norms now divide by the root of a mean over four
 * times as many numbers, their weights and ε make up for it.
 *
 * @param type - what the matrices are stored as; norms stay f32, and the embedding table, which is the output matrix too, has
 * six bits at least, as quantisers leave it
 */
export async function widenedStories(type: WeightType): Promise<DecoderSource> {
  const { config, checkpoint } = await openHuggingFaceFolder(testdata('llm', 'stories260K'))
  const tensors: [string, StoredTensor][] = []
  for (const [name, tensor] of checkpoint.tensors) {
    const values = await readFloat32(tensor)
    const isNorm = tensor.shape.length === 1
    const [rows, columns] = isNorm ? [1, tensor.shape[0]!] : (tensor.shape as [number, number])
    // Key heads grow as query heads do; the vocabulary does not.
    const height = name.includes('embed_tokens') || isNorm ? rows : Math.min(WIDTH, Math.ceil(rows / 32) * 32 * GROWTH)
    const wide = new Float32Array(height * WIDTH)
    for (let r = 0; r < rows; r++)
      wide.set(
        values.subarray(r * columns, (r + 1) * columns).map(value => (isNorm ? value / Math.sqrt(GROWTH) : value)),
        r * WIDTH,
      )
    const kept = isNorm ? 'f32' : name.includes('embed_tokens') && COARSE.includes(type) ? 'q6_k' : type
    tensors.push([name, stored(name, kept, isNorm ? [WIDTH] : [height, WIDTH], wide)])
  }
  await checkpoint.close()
  const widened: Checkpoint = { format: 'safetensors', tensors: new Map(tensors), files: [], close: async () => {} }
  const settings = {
    ...config,
    hidden_size: WIDTH,
    intermediate_size: WIDTH,
    head_dim: 8,
    num_attention_heads: 32,
    num_key_value_heads: 16,
    rms_norm_eps: (config['rms_norm_eps'] as number) / GROWTH,
  }
  return decoderFromHuggingFace(settings, widened, 'stories260K, widened')
}

function stored(name: string, type: WeightType, shape: readonly number[], values: Float32Array): StoredTensor {
  const bytes = quantize(type, values)
  const read = async (offset = 0, length = bytes.byteLength - offset): Promise<Uint8Array> => bytes.slice(offset, offset + length)
  return { name, type, shape, byteLength: bytes.byteLength, read }
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  attributeProto,
  externalTensorProto,
  graphProto,
  modelProto,
  nodeProto,
  tensorProto,
  tensorType,
  valueInfo,
} from '../../test/onnx-writer.ts'
import { bytes as bytesField, int, packedInts } from '../../test/protobuf-writer.ts'
import { isHenceError, Rng } from '../core/index.ts'
import {
  type Checkpoint,
  detectFormat,
  encodeGguf,
  encodeSafetensors,
  isWeightType,
  openGguf,
  openHuggingFaceFolder,
  openLlama2c,
  openOnnx,
  openSafetensors,
  quantize,
  readFloat32,
  STORAGE_TYPES,
  type StorageType,
  WEIGHT_TYPES,
} from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))

const FILE_ERRORS = ['FILE_TRUNCATED', 'FILE_MALFORMED', 'FILE_LIMIT', 'FILE_NOT_FOUND', 'FORMAT_UNSUPPORTED', 'FORMAT_UNKNOWN']

function randomTensor(
  rng: Rng,
  name: string,
  type: StorageType,
  shape: readonly number[],
): { name: string; type: StorageType; shape: readonly number[]; data: Uint8Array } {
  const count = shape.reduce((a, b) => a * b, 1)
  return {
    name,
    type,
    shape,
    data: quantize(
      type,
      Float32Array.from({ length: count }, () => rng.normal()),
    ),
  }
}

function sampleGguf(): Uint8Array {
  const rng = new Rng(1)
  return encodeGguf({
    metadata: {
      'general.architecture': 'llama',
      'llama.block_count': 2,
      'llama.rope.freq_base': { type: 'f32', value: 10000 },
      'tokenizer.ggml.tokens': ['<unk>', '<s>', '▁a', 'b'],
      'tokenizer.ggml.scores': Float32Array.of(0, -1, -2, -3),
      'tokenizer.ggml.token_type': Int32Array.of(2, 3, 1, 1),
      'tokenizer.ggml.add_bos_token': true,
      nested: [[1, 2], [3]],
      big: 2n ** 63n,
    },
    tensors: WEIGHT_TYPES.map(type =>
      randomTensor(rng, `t.${type}`, type, [2, 256].slice(STORAGE_TYPES[type].blockElements === 256 ? 0 : 1)),
    ),
  })
}

function sampleSafetensors(): Uint8Array {
  const rng = new Rng(2)
  const types: StorageType[] = ['f32', 'f16', 'bf16', 'i64', 'u8', 'bool']
  return encodeSafetensors({ metadata: { format: 'pt' }, tensors: types.map(type => randomTensor(rng, `t.${type}`, type, [3, 5])) })
}

function sampleLlama2c(): Uint8Array {
  const [dim, hidden, layers, heads, kvHeads, vocab, context] = [8, 12, 2, 2, 1, 5, 6] as const
  const perLayer = dim * 2 + dim * dim * 2 + dim * 4 * kvHeads * 2 + dim * hidden * 3
  const bytes = new Uint8Array(28 + 4 * (vocab * dim + layers * perLayer + dim + context * 4))
  bytes.set(new Uint8Array(Int32Array.of(dim, hidden, layers, heads, kvHeads, vocab, context).buffer))
  return bytes
}

/** One of everything: bodies, functions, typed and raw elements, sparse and external tensors. The operator set comes last. */
function sampleOnnx(): Uint8Array {
  const body = graphProto({ nodes: [nodeProto({ op: 'Identity', inputs: ['x'], outputs: ['z'] })], outputs: [valueInfo('z')] })
  const branch = Buffer.concat([bytesField(1, 'then_branch'), bytesField(6, body), int(20, 5)])
  const sparse = [
    bytesField(1, tensorProto({ name: 's', code: 1, shape: [2], data: Float32Array.of(1, 2) })),
    bytesField(2, tensorProto({ name: '', code: 7, shape: [2], data: BigInt64Array.of(1n, 4n) })),
    packedInts(3, [2, 3]),
  ]
  return modelProto({
    graph: graphProto({
      nodes: [
        nodeProto({
          op: 'Conv',
          inputs: ['x', 'w'],
          outputs: ['y'],
          attributes: [attributeProto('pads', [1n, 1n]), attributeProto('f', 0.5)],
        }),
        nodeProto({ op: 'If', inputs: ['y'], outputs: ['z'], attributes: [branch] }),
      ],
      initializers: [
        tensorProto({ name: 'w', code: 1, shape: [3, 4], data: new Float32Array(12) }),
        tensorProto({ name: 'bits', code: 22, shape: [5], data: new Uint8Array(3) }),
        Buffer.concat([int(1, 3), int(2, 7), packedInts(7, [-1, 300, 2 ** 40]), bytesField(8, 'l')]),
        Buffer.concat([int(1, 2), int(2, 8), bytesField(6, 'a'), bytesField(6, 'ℏ'), bytesField(8, 'strings')]),
        externalTensorProto('far', 1, [2], { location: 'far.bin', offset: '4', length: '8' }),
      ],
      sparseInitializers: [Buffer.concat(sparse)],
      inputs: [valueInfo('x', tensorType(1, ['n', 3])), valueInfo('q', bytesField(4, [bytesField(1, tensorType(1))]))],
      outputs: [valueInfo('z')],
    }),
    functions: [Buffer.concat([bytesField(1, 'F'), bytesField(7, nodeProto({ op: 'Relu' })), bytesField(9, [int(2, 18)])])],
    metadata: { a: 'b' },
  })
}

/** Opens and reads everything; whatever is wrong must come as a HenceError about the file. */
async function survives(read: (path: string, bytes: Uint8Array) => Promise<void>, bytes: Uint8Array): Promise<'read' | 'refused'> {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  await detectFormat(path).catch(mustBeFileError)
  try {
    await read(path, bytes)
    return 'read'
  } catch (error) {
    mustBeFileError(error)
    return 'refused'
  }
}

function mustBeFileError(error: unknown): void {
  if (!isHenceError(error) || !FILE_ERRORS.includes(error.code)) throw error
}

function readCheckpoint(open: (path: string) => Promise<Checkpoint>): (path: string, bytes: Uint8Array) => Promise<void> {
  return async (path, bytes) => {
    const checkpoint = await open(path)
    try {
      for (const tensor of checkpoint.tensors.values()) {
        expect(tensor.byteLength).toBeLessThanOrEqual(bytes.length)
        await tensor.read()
        if (isWeightType(tensor.type)) await readFloat32(tensor)
      }
    } finally {
      await checkpoint.close()
    }
  }
}

/** An external file lies beside the graph; a tensor takes at most eight bytes for each of the two. */
const FAR_BYTES = 16
async function readOnnx(path: string, bytes: Uint8Array): Promise<void> {
  writeFileSync(join(folder, 'far.bin'), new Uint8Array(FAR_BYTES))
  const { graph } = await openOnnx(path)
  for (const { dtype, shape, data } of graph.initializers.values()) {
    expect(data.length).toBe(shape.reduce((a, b) => a * b, dtype === 'c64' || dtype === 'c128' ? 2 : 1))
    // Sparse tensors alone may be larger than their file.
    if (data.length > 8 * (bytes.length + FAR_BYTES)) expect(graph.initializers.has('s')).toBe(true)
  }
}

const formats = [
  { name: 'GGUF', sample: sampleGguf(), read: readCheckpoint(path => openGguf(path)) },
  { name: 'safetensors', sample: sampleSafetensors(), read: readCheckpoint(path => openSafetensors(path)) },
  { name: 'llama2.c', sample: sampleLlama2c(), read: readCheckpoint(path => openLlama2c(path)) },
  { name: 'ONNX', sample: sampleOnnx(), read: readOnnx },
]

describe.each(formats)('$name', ({ sample, read }) => {
  test('the sample itself reads', async () => {
    expect(await survives(read, sample)).toBe('read')
  })

  test('cut short anywhere: refused', async () => {
    const lengths = new Set([
      ...Array.from({ length: Math.min(sample.length, 1200) }, (_, i) => i),
      ...Array.from({ length: 60 }, (_, i) => sample.length - 1 - i),
    ])
    // The GGUF sample ends in padding that holds no tensor.
    const needed = sample.length - 32
    // An ONNX file ends where any field of the model does: cut before its operator set it lacks that.
    for (const length of lengths) {
      const outcome = await survives(read, sample.subarray(0, length))
      if (length <= needed) expect(outcome, `${length} of ${sample.length} bytes`).toBe('refused')
    }
  })

  test('bits flipped anywhere: read or refused, nothing else', async () => {
    const flips = fc.array(fc.record({ at: fc.nat(), bit: fc.nat(7) }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(flips, fc.boolean(), async (places, headOnly) => {
        const bytes = Uint8Array.from(sample)
        const reach = headOnly ? Math.min(bytes.length, 700) : bytes.length
        for (const { at, bit } of places) bytes[at % reach]! ^= 1 << bit
        await survives(read, bytes)
      }),
      { numRuns: 300, seed: 3 },
    )
  })

  test('bytes overwritten with extreme values: read or refused, nothing else', async () => {
    const word = fc.constantFrom([0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80], [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0], [0, 0, 0x10, 0])
    const patches = fc.array(fc.record({ at: fc.nat(), word, twice: fc.boolean() }), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(patches, async places => {
        const bytes = Uint8Array.from(sample)
        for (const { at, word, twice } of places) bytes.set(twice ? [...word, ...word] : word, at % Math.min(bytes.length - 8, 900))
        await survives(read, bytes)
      }),
      { numRuns: 300, seed: 4 },
    )
  })

  test('random bytes after a valid beginning: read or refused, nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(200), fc.uint8Array({ maxLength: 400 }), async (kept, noise) => {
        await survives(read, Buffer.concat([sample.subarray(0, kept), noise]))
      }),
      { numRuns: 300, seed: 5 },
    )
  })
})

describe('Hugging Face folder', () => {
  const files: Readonly<Record<string, Uint8Array>> = {
    'config.json': Buffer.from(
      '{"model_type": "llama", "hidden_size": 64, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}}',
    ),
    'model.safetensors.index.json': Buffer.from(
      '{"metadata": {"total_size": 1}, "weight_map": {"t.f32": "model-1.safetensors", "t.u8": "model-1.safetensors"}}',
    ),
    'model-1.safetensors': sampleSafetensors(),
    'tokenizer.json': Buffer.from('{"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}}'),
    'chat_template.jinja': Buffer.from('{% for message in messages %}{{ message.content }}{% endfor %}'),
  }
  const directory = join(folder, 'model')

  test('bits flipped in any file, any file cut: opened or refused, nothing else', async () => {
    mkdirSync(directory)
    const outcomes = { opened: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(files)), fc.nat(), fc.nat(7), fc.boolean(), async (victim, position, bit, cut) => {
        for (const [name, content] of Object.entries(files)) {
          const bytes = Uint8Array.from(content)
          const at = position % Math.min(bytes.length, 400)
          bytes[at]! ^= name === victim ? 1 << bit : 0
          writeFileSync(join(directory, name), name === victim && cut ? bytes.subarray(0, at) : bytes)
        }
        try {
          const { checkpoint } = await openHuggingFaceFolder(directory)
          await checkpoint.close()
          outcomes.opened++
        } catch (error) {
          mustBeFileError(error)
          outcomes.refused++
        }
      }),
      { numRuns: 150, seed: 6 },
    )
    expect(outcomes.opened).toBeGreaterThan(10)
    expect(outcomes.refused).toBeGreaterThan(50)
  })
})

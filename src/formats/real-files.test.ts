import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeWithTestdata, testdata } from '../../test/testdata.ts'
import { elementCount } from '../core/index.ts'
import {
  detectFormat,
  openGguf,
  openHuggingFaceFolder,
  openLlama2c,
  openSafetensors,
  readFloat32,
  requireSupported,
  storageBytes,
} from './index.ts'

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())
}

describeWithTestdata('real files', () => {
  test('every GGUF opens and its tensors read', async () => {
    const paths = filesBelow(testdata()).filter(path => path.endsWith('.gguf'))
    expect(paths.length).toBeGreaterThan(20)
    for (const path of paths) {
      expect(await detectFormat(path), path).toEqual({ kind: 'gguf', path })
      const file = await openGguf(path)
      expect(typeof file.metadata.get('general.architecture'), path).toBe('string')
      for (const tensor of file.tensors.values()) {
        expect(tensor.byteLength).toBe(storageBytes(tensor.type, elementCount(tensor.shape)))
        expect((await tensor.read(0, Math.min(tensor.byteLength, 4096))).length).toBeGreaterThan(0)
      }
      await file.close()
    }
  })

  test('every safetensors file opens and its tensors read', async () => {
    const paths = filesBelow(testdata()).filter(path => path.endsWith('.safetensors'))
    expect(paths.length).toBeGreaterThan(50)
    for (const path of paths) {
      expect(await detectFormat(path), path).toEqual({ kind: 'safetensors', path })
      const file = await openSafetensors(path)
      requireSupported(file)
      for (const tensor of file.tensors.values()) expect((await tensor.read()).length).toBe(tensor.byteLength)
      await file.close()
    }
  })

  test('every folder with weights opens', async () => {
    const folders = filesBelow(testdata('refs'))
      .filter(path => /refs\/[^/]+\/config\.json$/.test(path))
      .map(path => join(path, '..'))
    expect(folders.length).toBeGreaterThan(25)
    for (const folder of folders) {
      expect(await detectFormat(folder)).toEqual({ kind: 'huggingface', path: folder })
      const { config, checkpoint } = await openHuggingFaceFolder(folder)
      expect(typeof config['model_type'], folder).toBe('string')
      expect(typeof (config['dtype'] ?? 'none'), folder).toBe('string')
      expect(config, folder).not.toHaveProperty('torch_dtype')
      expect(checkpoint.tensors.size, folder).toBeGreaterThan(5)
      await checkpoint.close()
    }
  })

  test("llama2.c's tokenizer is not taken for a model", async () => {
    await expect(detectFormat(testdata('llm', 'stories260K', 'tok512.bin'))).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' })
  })

  test('types that cannot be read are listed, and refused on demand', async () => {
    const file = await openGguf(testdata('gguf-quant-reference', 'real-embedding-quantised.gguf'))
    expect([...file.unsupported.keys()].sort()).toEqual(['iq2_xxs', 'iq3_s', 'tq1_0', 'tq2_0'])
    expect(() => requireSupported(file)).toThrow(/iq2_xxs \(1 tensor\).*Hence reads f32, f16/)
    await file.close()
  })

  test('a GGUF holds the same weights as the folder it was made from', async () => {
    const gguf = await openGguf(testdata('refs', 'gguf', 'qwen2', 'qwen2-f32.gguf'))
    const { checkpoint } = await openHuggingFaceFolder(testdata('refs', 'qwen2'))
    const pairs = [
      ['token_embd.weight', 'model.embed_tokens.weight'],
      ['blk.0.ffn_down.weight', 'model.layers.0.mlp.down_proj.weight'],
    ] as const
    for (const [ours, theirs] of pairs) {
      expect(gguf.tensors.get(ours)!.shape).toEqual(checkpoint.tensors.get(theirs)!.shape)
      expect(await readFloat32(gguf.tensors.get(ours)!)).toEqual(await readFloat32(checkpoint.tensors.get(theirs)!))
    }
    await Promise.all([gguf.close(), checkpoint.close()])
  })
})

const HF_NAMES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}

describeWithTestdata('stories260K', () => {
  test('both forms hold equal tensors, q and k up to the order of rows', async () => {
    const path = testdata('llm', 'stories260K', 'stories260K.bin')
    expect(await detectFormat(path)).toEqual({ kind: 'llama2c', path })
    const bin = await openLlama2c(path)
    expect(bin.config).toEqual({
      version: 0,
      dim: 64,
      hiddenDim: 172,
      layerCount: 5,
      headCount: 8,
      kvHeadCount: 4,
      vocabSize: 512,
      contextLength: 512,
      tiedEmbeddings: true,
    })
    const { checkpoint } = await openHuggingFaceFolder(testdata('llm', 'stories260K'))
    for (const [name, tensor] of bin.tensors) {
      const [, layer, part] = /^blk\.(\d+)\.(\w+)\.weight$/.exec(name) ?? []
      const twinName =
        layer === undefined
          ? name === 'token_embd.weight'
            ? 'model.embed_tokens.weight'
            : 'model.norm.weight'
          : `model.layers.${layer}.${HF_NAMES[part!]}.weight`
      const twin = checkpoint.tensors.get(twinName)!
      expect(tensor.shape, name).toEqual(twin.shape)
      const values = await readFloat32(tensor)
      const wanted = await readFloat32(twin)
      expect(part === 'attn_q' || part === 'attn_k' ? halvesFromPairs(values, tensor.shape, 8) : values, name).toEqual(wanted)
    }
    await Promise.all([bin.close(), checkpoint.close()])
  })
})

/** Rows of each head from neighbouring pairs (0, 1, 2, 3…) to halves (0, 2, … 1, 3, …). */
function halvesFromPairs(values: Float32Array, [rows, columns]: readonly number[], headSize: number): Float32Array {
  const out = new Float32Array(values.length)
  for (let row = 0; row < rows!; row++) {
    const within = row % headSize
    const target = row - within + (within >> 1) + (within % 2) * (headSize / 2)
    out.set(values.subarray(row * columns!, (row + 1) * columns!), target * columns!)
  }
  return out
}

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { addModel, externalTensorProto, graphProto, modelProto, tensorProto } from '../../../test/onnx-writer.ts'
import { describeWithTestdata, testdata } from '../../../test/testdata.ts'
import { releaseData } from '../../core/index.ts'
import type { OnnxGraph, OnnxTensor } from './model.ts'
import { openOnnx } from './open-onnx.ts'

const root = mkdtempSync(join(tmpdir(), 'hence-onnx-'))
afterAll(() => rmSync(root, { recursive: true }))

let counter = 0
function folderWith(files: Readonly<Record<string, Uint8Array>>): string {
  const folder = join(root, String(counter++))
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const bytesOf = (values: ArrayBufferView): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** A model whose initializers lie elsewhere, by the entries that say where. */
function externalModel(...entries: readonly Readonly<Record<string, string>>[]): Uint8Array {
  return modelProto({ graph: graphProto({ initializers: entries.map((entry, i) => externalTensorProto(`w${i}`, 1, [2], entry)) }) })
}

describe('one file', () => {
  test('large tensors are views of one read, wherever they lay', async () => {
    for (let pad = 0; pad < 8; pad++) {
      const graph = graphProto({
        name: 'x'.repeat(pad),
        initializers: [
          tensorProto({ name: 'f', code: 1, shape: [20_000], data: Float32Array.from({ length: 20_000 }, (_, i) => i) }),
          tensorProto({ name: 'h', code: 10, shape: [40_001], data: Uint16Array.from({ length: 40_001 }, (_, i) => i) }),
          tensorProto({ name: 'b', code: 9, shape: [2], data: Uint8Array.of(0, 1) }),
          tensorProto({ name: 'l', code: 7, shape: [20], data: BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i)) }),
          tensorProto({ name: 'after', code: 1, shape: [1], data: Float32Array.of(7) }),
        ],
      })
      const path = join(folderWith({ 'm.onnx': modelProto({ graph }) }), 'm.onnx')
      const { initializers } = (await openOnnx(path)).graph
      const data = (name: string): OnnxTensor['data'] => initializers.get(name)!.data
      expect(data('f')).toEqual(Float32Array.from({ length: 20_000 }, (_, i) => i))
      expect(data('h')).toEqual(Uint16Array.from({ length: 40_001 }, (_, i) => i))
      expect(data('b')).toEqual(Uint8Array.of(0, 1))
      expect(data('l')).toEqual(BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i)))
      expect(data('after')).toEqual(Float32Array.of(7))
      expect((data('f') as Float32Array).buffer).toBe((data('h') as Uint16Array).buffer)
      // Small ones do not keep the file in memory.
      expect((data('l') as BigInt64Array).buffer.byteLength).toBe(160)
    }
  })

  test('large tensors that were released are read again, unless the file is another one', async () => {
    const values = Float32Array.from({ length: 20_000 }, (_, i) => i)
    const initializers = [
      tensorProto({ name: 'own', code: 1, shape: [20_000], data: values }),
      externalTensorProto('other', 1, [20_000], { location: 'w.bin' }),
    ]
    const folder = folderWith({ 'm.onnx': modelProto({ graph: graphProto({ initializers }) }), 'w.bin': bytesOf(values) })
    const { graph } = await openOnnx(join(folder, 'm.onnx'))
    for (const tensor of graph.initializers.values()) {
      const first = tensor.data
      expect(tensor.data).toBe(first)
      releaseData(tensor)
      expect(tensor.data).not.toBe(first)
      expect(tensor.data).toEqual(values)
      releaseData(tensor)
    }
    for (const [name, file] of [
      ['own', 'm.onnx'],
      ['other', 'w.bin'],
    ] as const) {
      writeFileSync(join(folder, file), new Uint8Array(1_000_000))
      expect(() => graph.initializers.get(name)!.data).toThrow(/changed since the model was loaded/)
      rmSync(join(folder, file))
      expect(() => graph.initializers.get(name)!.data).toThrow(/went away/)
    }
  })

  test('its identity is kept; reading can be aborted', async () => {
    const content = addModel([2])
    const path = join(folderWith({ 'm.onnx': content }), 'm.onnx')
    const { files } = await openOnnx(path)
    expect(files).toMatchObject([{ path, size: content.length }])
    await expect(openOnnx(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(openOnnx(`${path}.x`)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })
})

describe('external data', () => {
  const weights = bytesOf(Float32Array.of(1, 2, 3, 4))

  test('ranges of one file and the whole of another', async () => {
    const model = externalModel(
      { location: 'w.bin', offset: '8', length: '8' },
      { location: 'w.bin' },
      { location: './sub/v.bin', length: '8', checksum: 'ignored' },
      { location: 'w.bin', offset: '0', length: '8' },
    )
    const folder = folderWith({ 'm.onnx': model, 'w.bin': weights })
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'sub', 'v.bin'), bytesOf(Float32Array.of(5, 6)))
    const { graph, files } = await openOnnx(join(folder, 'm.onnx'))
    const data = [...graph.initializers.values()].map(tensor => tensor.data as Float32Array)
    expect(data).toEqual([Float32Array.of(3, 4), Float32Array.of(1, 2), Float32Array.of(5, 6), Float32Array.of(1, 2)])
    expect(data[1]!.buffer).toBe(data[3]!.buffer)
    expect(files.map(file => file.path)).toEqual(['m.onnx', 'w.bin', 'sub/v.bin'].map(name => join(folder, name)))
  })

  test('types of less than a byte', async () => {
    const graph = graphProto({ initializers: [externalTensorProto('w', 22, [3], { location: 'w.bin', offset: '1', length: '2' })] })
    const folder = folderWith({ 'm.onnx': modelProto({ graph }), 'w.bin': Uint8Array.of(9, 0xf1, 0x08) })
    const { initializers } = (await openOnnx(join(folder, 'm.onnx'))).graph
    expect(initializers.get('w')).toEqual({ dtype: 'i4', shape: [3], data: Int8Array.of(1, -1, -8) })
  })

  test('a link inside the folder, and a folder of links to one place, as model caches keep them', async () => {
    const model = externalModel({ location: 'w.bin' })
    const blobs = folderWith({ aa: model, bb: weights, 'real.bin': weights, 'm.onnx': model })
    symlinkSync(join(blobs, 'real.bin'), join(blobs, 'w.bin'))
    expect((await openOnnx(join(blobs, 'm.onnx'))).graph.initializers.size).toBe(1)
    const snapshot = folderWith({})
    symlinkSync(join(blobs, 'aa'), join(snapshot, 'm.onnx'))
    symlinkSync(join(blobs, 'bb'), join(snapshot, 'w.bin'))
    expect((await openOnnx(join(snapshot, 'm.onnx'))).graph.initializers.size).toBe(1)
  })

  test('a snapshot of the hub, whose files may lie with their repository or where all repositories share them', async () => {
    const cache = folderWith({})
    const snapshot = join(cache, 'models--org--name', 'snapshots', '0'.repeat(40), 'onnx')
    const places = [join(cache, 'models--org--name', 'blobs'), join(cache, 'blobs', 'bb'), join(cache, 'elsewhere')]
    for (const folder of [snapshot, ...places]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(places[0]!, 'aa'), externalModel({ location: 'w.bin' }))
    symlinkSync(join(places[0]!, 'aa'), join(snapshot, 'm.onnx'))
    for (const [i, folder] of places.entries()) {
      writeFileSync(join(folder, 'bb'), weights)
      rmSync(join(snapshot, 'w.bin'), { force: true })
      symlinkSync(join(folder, 'bb'), join(snapshot, 'w.bin'))
      const opening = openOnnx(join(snapshot, 'm.onnx'))
      if (i < 2) expect((await opening).graph.initializers.size).toBe(1)
      else await expect(opening).rejects.toMatchObject({ code: 'FILE_MALFORMED' })
    }
  })

  test.each([
    ['a parent', { location: '../secret' }, 'FILE_MALFORMED', 'which is not a path inside its folder'],
    ['a parent further on', { location: 'a/../../secret' }, 'FILE_MALFORMED', 'which is not a path inside its folder'],
    ['a parent in the Windows way', { location: 'a\\..\\..\\secret' }, 'FILE_MALFORMED', 'which is not a path inside its folder'],
    ['the root', { location: '/etc/passwd' }, 'FILE_MALFORMED', 'which is not a path inside its folder'],
    ['a drive', { location: 'C:\\secret' }, 'FILE_MALFORMED', 'which is not a path inside its folder'],
    ['a link out', { location: 'out' }, 'FILE_MALFORMED', 'a link to outside the folder of the model'],
    ['a folder linked out', { location: 'there/secret' }, 'FILE_MALFORMED', 'a link to outside the folder of the model'],
    ['the folder itself', { location: '.' }, 'FILE_MALFORMED', 'a link to outside'],
    ['nothing', { location: '' }, 'FILE_MALFORMED', 'its external data has no location'],
    ['no location', { offset: '0' }, 'FILE_MALFORMED', 'its external data has no location'],
    ['a file that is not there', { location: 'w.bim' }, 'FILE_NOT_FOUND', 'did you mean w.bin?'],
    [
      'a range beyond the file',
      { location: 'w.bin', offset: '12' },
      'FILE_TRUNCATED',
      'offset 12 + 8 bytes ends beyond the file (16 bytes)',
    ],
    ['another length', { location: 'w.bin', length: '4' }, 'FILE_MALFORMED', '2 elements of f32 take 8 bytes, its external data has 4'],
    ['a negative offset', { location: 'w.bin', offset: '-4' }, 'FILE_MALFORMED', 'offset "-4" of its external data is not an integer'],
    ['an absurd offset', { location: 'w.bin', offset: '9'.repeat(16) }, 'FILE_MALFORMED', 'is not an integer'],
  ])('%s is refused', async (_, entry, code, message) => {
    const outside = folderWith({ secret: weights })
    const folder = folderWith({ 'm.onnx': externalModel(entry as Record<string, string>), 'w.bin': weights })
    symlinkSync(join(outside, 'secret'), join(folder, 'out'))
    symlinkSync(outside, join(folder, 'there'))
    await expect(openOnnx(join(folder, 'm.onnx'))).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })

  test('ranges that together ask for more than the file has', async () => {
    const ranges = [0, 1, 2].map(offset => ({ location: 'w.bin', offset: String(offset) }))
    const folder = folderWith({ 'm.onnx': externalModel(...ranges), 'w.bin': weights })
    await expect(openOnnx(join(folder, 'm.onnx'))).rejects.toMatchObject({
      code: 'FILE_MALFORMED',
      message: expect.stringContaining('tensors overlap'),
    })
  })
})

function countOperators({ nodes }: OnnxGraph): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { op } of nodes) counts[op] = (counts[op] ?? 0) + 1
  return counts
}

describeWithTestdata('real models', () => {
  test('SqueezeNet in half precision', async () => {
    const { graph, opsets } = await openOnnx(testdata('cnn', 'squeezenet', 'SqueezeNet_fp16.onnx'))
    expect(graph.inputs).toHaveLength(1)
    expect(graph.inputs[0]!.type).toMatchObject({ kind: 'tensor', shape: [1, 3, 224, 224] })
    expect(countOperators(graph)).toMatchObject({ Conv: 26, Relu: 26, MaxPool: 3, Concat: 8 })
    expect(new Set([...graph.initializers.values()].map(tensor => tensor.dtype))).toContain('f16')
    expect(opsets.get('')).toBeGreaterThanOrEqual(7)
  })

  test.each(['mnist-cntk.onnx', 'opt-mnist.onnx'])('%s', async name => {
    const { graph } = await openOnnx(testdata('cnn', 'mnist', name))
    expect(graph.inputs).toHaveLength(1)
    expect(countOperators(graph)['Conv']).toBe(2)
  })

  test('Magika', async () => {
    const { graph } = await openOnnx(testdata('encoders', 'magika', 'standard_v3_3', 'model.onnx'))
    expect(graph.inputs.map(input => input.type)).toEqual([{ kind: 'tensor', dtype: 'i32', shape: [expect.anything(), 2048] }])
  })

  test('Silero, with bodies in its branches', async () => {
    const { graph } = await openOnnx(testdata('audio', 'silero-vad', 'silero_vad_16k_op15.onnx'))
    const branches = graph.nodes.filter(node => node.op === 'If')
    expect(branches.length).toBeGreaterThan(0)
    expect(branches[0]!.attributes['then_branch']).toMatchObject({ type: 'graph' })
  })

  test.each([
    'bert/model',
    'bert/model-dynamo',
    'mobilenet/model',
    'resnet/model',
    't5/decoder_with_past_model',
    'unet/model',
    'vit/model',
    'whisper/decoder_model',
  ])('%s', async name => {
    const { graph } = await openOnnx(testdata('refs', 'onnx', `${name}.onnx`))
    const known = new Set([...graph.initializers.keys(), ...graph.inputs.map(input => input.name)])
    for (const node of graph.nodes) {
      for (const input of node.inputs) expect(input === '' || known.has(input)).toBe(true)
      for (const output of node.outputs) known.add(output)
    }
    for (const output of graph.outputs) expect(known).toContain(output.name)
  })
})

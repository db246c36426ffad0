import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { tensor } from '../../src/core/index.ts'
import { encodeNpy, encodeSafetensors, openSafetensors, readNpy, readNpz } from '../../src/formats/index.ts'
import { int, raw } from '../protobuf-writer.ts'
import { columnwiseSum, linearClassifier, meanColour, temporaryFolder, twoOutputs, unknownOperators } from '../tensor-models.ts'
import { describeWithTestdata, testdata } from '../testdata.ts'
import { hence } from './cli-process.ts'

const folder = temporaryFolder()
const model = folder.write('adding.onnx', twoOutputs())
const table = folder.write('table.onnx', linearClassifier())
const colour = folder.write('colour.onnx', meanColour())
const values = Float32Array.of(1, 2, 3)

beforeAll(() => vi.stubEnv('HENCE_CACHE', join(folder.path, 'cache')))
afterAll(() => {
  vi.unstubAllEnvs()
  folder.remove()
})

describe('run on tensors', () => {
  const npy = folder.write('a.npy', encodeNpy(tensor('f32', [1, 3], values)))
  const bytes = new Uint8Array(values.buffer)
  const archive = folder.write(
    'ab.safetensors',
    encodeSafetensors({
      tensors: [
        { name: 'a', type: 'f32', shape: [1, 3], data: bytes },
        { name: 'b', type: 'f32', shape: [1, 3], data: bytes },
        { name: 'c', type: 'f32', shape: [1, 3], data: bytes },
      ],
    }),
  )
  const proto = folder.write('b.pb', Buffer.concat([int(1, 1), int(1, 3), int(2, 1), raw(9, values)]))

  test.each([
    ['.npy and JSON', [`a=${npy}`, 'b=[[1,2,3]]']],
    ['.safetensors for all', [archive]],
    ['.safetensors for one, and .pb', [`a=${archive}`, `b=${proto}`]],
  ])('%s', async (_, inputs) => {
    const { code, stdout, stderr } = await hence(['run', model, ...inputs.flatMap(input => ['--input', input])])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('sum      f32  [1, 3]  2 4 6\nproduct  f32  [1, 2]  22 28\n')
  })

  test('--json gives every number', async () => {
    const { stdout } = await hence(['run', model, '--input', archive, '--json'])
    expect(JSON.parse(stdout)).toEqual({
      model,
      outputs: {
        sum: { dtype: 'f32', shape: [1, 3], data: [2, 4, 6] },
        product: { dtype: 'f32', shape: [1, 2], data: [22, 28] },
      },
    })
  })

  test('--output writes all three formats', async () => {
    const write = async (path: string, name = model, inputs = ['--input', archive]): Promise<string> => {
      const { code, stderr } = await hence(['run', name, ...inputs, '--output', path])
      expect([code, stderr]).toEqual([0, `written to ${path}\n`])
      return path
    }
    const npz = await readNpz(await write(join(folder.path, 'out.npz')))
    expect([...npz].map(([name, { shape, data }]) => [name, shape, [...(data as Float32Array)]])).toEqual([
      ['sum', [1, 3], [2, 4, 6]],
      ['product', [1, 2], [22, 28]],
    ])
    const safetensors = await openSafetensors(await write(join(folder.path, 'out.safetensors')))
    expect([...safetensors.tensors.keys()]).toEqual(['sum', 'product'])
    await safetensors.close()
    const single = folder.write('columns.onnx', columnwiseSum())
    const path = await write(join(folder.path, 'out.npy'), single, ['--input', 'left=[[1]]', '--input', 'right=[[2]]'])
    expect([...((await readNpy(path)).data as Float32Array)]).toEqual([3])
  })

  test.each([
    [['run', model], 'needs the inputs of the model: a f32 [n, 3], b f32 [n, 3]'],
    [['run', model, '--input', 'aa=[1]'], 'did you mean "a"?'],
    [['run', model, '--input', 'nonsense'], 'must be NAME=FILE'],
    [['run', model, '--input', 'a=[[1,2],[3]]'], 'not all of one length'],
    [['run', model, '--input', 'a=["x"]'], 'is not of type f32'],
    [['run', model, '--input', 'a=[1'], 'is not JSON'],
    [['run', model, '--input', 'a=x.txt'], 'neither JSON nor'],
    [['run', model, '--input', 'a=[1]', '--output', 'x.csv'], 'must end in'],
    [['run', model, '--input', 'a=[1]', '--output', 'x.npy'], 'the model has 2 outputs'],
    [['run', model, '--prompt', 'Hello'], 'is an ONNX model, which has no use for --prompt'],
    [['run', model, 'x.jpg', '--input', 'a=[1]'], 'not both'],
    [['run', model, 'x.bin'], 'cannot be told'],
    [['run', table, 'x.csv', '--mean', 'a,b'], '--mean must be numbers'],
    [['inspect', model, '--shape', 'q=1'], 'has no input "q"'],
    [['inspect', model, '--shape', 'a=1x4'], 'has the shape [n, 3]'],
  ])('%j exits with 2', async (argv, message) => {
    const { code, stdout, stderr } = await hence(argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/^hence: .+\nhint: .+\n$/)
  })

  test('shapes that do not fit exit with 1 and both shapes', async () => {
    const { code, stderr } = await hence(['run', model, '--input', 'a=[[1,2]]', '--input', 'b=[[1,2,3]]'])
    expect(code).toBe(1)
    expect(stderr).toContain('must have the shape [n = 1, 3], has [1, 2]')
  })
})

describe('run on files', () => {
  test('a table, with and without names of columns', async () => {
    const plain = folder.write('plain.csv', '2,0\n-1,7\n')
    const { code, stdout } = await hence(['run', table, plain])
    expect(code).toBe(0)
    expect(stdout).toBe('prediction    plus   minus\nplus        0.9820  0.0180\nminus       0.1192  0.8808\n')
    const named = await hence(['run', table, folder.write('named.csv', 'first,second\n2,0\n'), '--json'])
    expect(JSON.parse(named.stdout)).toMatchObject({ task: 'predict-table', predictions: [{ value: 'plus' }] })
    const single = folder.write('sum.onnx', columnwiseSum())
    const columns = await hence(['run', single, folder.write('columns.csv', 'right,note,left\n4,x,1\n')])
    expect(columns.stdout).toBe('5\n')
    const wrong = await hence(['run', single, folder.write('wrong.csv', 'right,lefft\n4,1\n')])
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('the nearest is "lefft"') })
  })

  test('a picture, with what was assumed and how to say otherwise', async () => {
    const picture = folder.write('red.ppm', Buffer.concat([Buffer.from('P6 2 1 255\n'), Buffer.from([255, 0, 0, 255, 0, 0])]))
    const labels = folder.write('labels.txt', 'n00000001 red\nn00000002 green\nblue\n')
    const assumed = await hence(['run', colour, picture, '--labels', labels, '--top', '1'])
    expect(assumed).toMatchObject({ code: 0, stdout: expect.stringMatching(/% {2}red\n$/) })
    for (const flag of ['--resize', '--crop', '--channels', '--scale', '--mean', '--std']) expect(assumed.stderr).toContain(flag)
    const flags = ['--resize', '4x4', '--crop', 'none', '--channels', 'bgr', '--scale', '1', '--mean', '0', '--std', '1']
    const told = await hence(['run', colour, picture, ...flags, '--json'])
    expect(told.stderr).toContain('--labels')
    expect(JSON.parse(told.stdout)).toMatchObject({
      task: 'classify-image',
      classes: [{ index: 2, score: 1 }, {}, {}],
      assumed: [],
    })
  })

  test('chat says that there is nobody to talk to', async () => {
    const { code, stderr } = await hence(['chat', model], { stdin: 'x' })
    expect(code).toBe(1)
    expect(stderr).toContain('it computes tensors and cannot talk')
  })
})

describe('inspect', () => {
  test('shows inputs, outputs, operators', async () => {
    const { code, stdout } = await hence(['inspect', model, '--tensors'])
    expect(code).toBe(0)
    for (const text of ['hence-test', 'ai.onnx 21', 'a  f32  [n, 3]', 'product  f32  [n, 2]', '1  MatMul', 'w  f32  [3 × 2]'])
      expect(stdout).toContain(text)
  })

  test('--plan shows programs for the shapes given', async () => {
    const { stdout } = await hence(['inspect', model, '--plan', '--shape', 'a=4x3', '--shape', 'b=4x3'])
    for (const text of ['a [4, 3], b [4, 3]', 'product = MatMul(a, w:f32[3, 2])', 'stage 1', 'f32[4, 2] = matmul(', 'arena', 'native'])
      expect(stdout).toContain(text)
    const json = await hence(['inspect', model, '--plan', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      kind: 'tensor',
      missing: {},
      plan: { shapes: { a: [1, 3], b: [1, 3] }, programs: 1, hostNodes: 0, stages: [{ steps: [{ kind: 'program' }] }] },
    })
    const { plan } = JSON.parse(json.stdout)
    // Without the native backend nothing is measured.
    if (plan.backend === 'reference') expect(plan.predictedMs).toBeNull()
    else expect(plan.stages[0].steps[0].predictedMs).toBe(plan.predictedMs)
    const unmeasured = await hence(['inspect', model, '--plan', '--json', '--no-measure'])
    expect(JSON.parse(unmeasured.stdout).plan).toMatchObject({ speed: null, predictedMs: null })
  })

  test('--profile shows what each step takes', async () => {
    const flags = ['--profile', '--runs', '3', '--no-measure']
    const { code, stdout, stderr } = await hence(['inspect', model, ...flags, '--shape', 'a=4x3', '--shape', 'b=4x3'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const text of ['a [4, 3], b [4, 3]', 'median of 3 runs', 'time by operation', 'slowest 3 steps of 3', 'product', '[4, 2]'])
      expect(stdout).toContain(text)
    expect(stdout).toMatch(/arena +(\S+ \S+) planned, \1 used/)
    const json = await hence(['inspect', model, ...flags, '--json'])
    const { profile, plan } = JSON.parse(json.stdout)
    expect(plan).toBeUndefined()
    expect(profile).toMatchObject({ runs: 3, speed: null, predictedMs: null, shapes: { a: [1, 3], b: [1, 3] } })
    expect(profile.steps).toHaveLength(3)
    expect(profile.operations.map(({ op }: { op: string }) => op).sort()).toEqual(['in and out', 'map', 'matmul'])
  })

  test('--profile predicts from what the machine can do', async () => {
    const { stdout } = await hence(['inspect', model, '--profile', '--json', '--top', '0'])
    const { profile } = JSON.parse(stdout)
    // Without the native backend nothing is measured.
    if (profile.backend === 'reference') expect(profile.speed).toBeNull()
    else {
      const matmul = profile.steps.find(({ op }: { op: string }) => op === 'matmul')
      const { bandwidth, peak } = profile.speed
      expect(matmul.predictedMs).toBeCloseTo(1000 * Math.max(matmul.bytes / bandwidth, matmul.operations / peak), 9)
    }
  })

  test('--trace and --svg write the profile', async () => {
    const [trace, svg] = [join(folder.path, 'trace.json'), join(folder.path, 'timeline.svg')]
    const { code, stderr } = await hence(['inspect', model, '--trace', trace, '--svg', svg, '--no-measure'])
    expect([code, stderr]).toEqual([0, `written to ${trace}\nwritten to ${svg}\n`])
    const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8'))
    const spans = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X')
    const [program, ...steps] = spans
    expect(program.name).toBe('program 1')
    expect(steps.map(({ name }: { name: string }) => name)).toEqual(['matmul MatMul_1', 'map sum', 'in and out'])
    // Steps follow each other within their program.
    for (const [i, { ts, dur }] of steps.entries()) {
      expect(ts).toBeCloseTo(i === 0 ? program.ts : steps[i - 1].ts + steps[i - 1].dur, 2)
      expect(ts + dur).toBeLessThanOrEqual(program.ts + program.dur + 0.01)
    }
    const picture = readFileSync(svg, 'utf8')
    expect(picture).toMatch(/^<svg [^>]+>[\s\S]+<\/svg>\n$/)
    for (const text of ['matmul', 'in and out', 'median of 10 runs', 'slowest 3 steps']) expect(picture).toContain(text)
  })

  test.each(['--trace', '--svg'])('%s says when a file cannot be written', async flag => {
    const path = join(folder.path, 'no-such-folder', 'file')
    const { code, stdout, stderr } = await hence(['inspect', model, flag, path, '--no-measure'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(`${path} could not be written: ENOENT`)
  })

  test('lists every missing operator and exits with 1', async () => {
    const path = folder.write('unknown.onnx', unknownOperators())
    const { code, stdout } = await hence(['inspect', path])
    expect(code).toBe(1)
    expect(stdout).toMatch(/missing operators\n +2 +ai\.onnx\.Frobnicate\n +1 +com\.example\.Twist\n/)
    const json = await hence(['inspect', path, '--json', '--plan'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({ missing: { 'ai.onnx.Frobnicate': 2, 'com.example.Twist': 1 } })
    const run = await hence(['run', path, '--input', 'x=[1,2]'])
    expect(run.code).toBe(1)
    expect(run.stderr).toContain('ai.onnx.Frobnicate ×2, com.example.Twist ×1')
  })
})

describeWithTestdata('real models', () => {
  test('a photo of a dog', async () => {
    const labels = testdata('cnn', 'squeezenet', 'imagenet-labels.txt')
    const path = testdata('cnn', 'squeezenet', 'SqueezeNet_fp16.onnx')
    const { code, stdout, stderr } = await hence(['run', path, testdata('cnn', 'photos', 'dog.jpg'), '--labels', labels, '--top', '3'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.split('\n')).toHaveLength(4)
    expect(stdout).toMatch(/^98\.\d % {2}golden retriever\n/)
  })

  test('the type of a file', async () => {
    const path = testdata('encoders', 'magika', 'standard_v3_3', 'model.onnx')
    const { stdout } = await hence(['run', path, new URL(import.meta.url).pathname])
    expect(stdout).toMatch(/^typescript \(\d/)
    const json = await hence(['run', path, testdata('cnn', 'photos', 'dog.jpg'), '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ task: 'identify-file-type', label: 'jpeg' })
  })

  test('speech in a recording', async () => {
    const recording = readFileSync(testdata('audio', 'silero-vad', 'test.wav')).subarray(0, 44 + 2 * 80_000)
    recording.writeUInt32LE(2 * 80_000, 40)
    const path = testdata('audio', 'silero-vad', 'silero_vad_16k_op15.onnx')
    const { code, stdout } = await hence(['run', path, folder.write('speech.wav', recording), '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ task: 'detect-voice', seconds: 5, segments: [{ start: 0.002 }, { end: 4.702 }] })
  })
})

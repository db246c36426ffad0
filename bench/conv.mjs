/**
 * Convolutions of known networks: GF/s, share of the measured f32 peak, and ONNX Runtime on the same layer where
 * `npm install` was run in bench/. Direct counting of operations everywhere, so Winograd's method can exceed the peak.
 *
 *   npm run bench:conv -- [--threads 1,2] [--only 3x3] [--rounds 10]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { nativeBackend } from '../dist/backends/index.js'
import { ProgramBuilder } from '../dist/program/index.js'
import { convModel } from './conv-model.mjs'

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1,2' },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '10' },
  },
})

/** name, image [H, W, C], filters [N, kernel height, kernel width], stride, pads, groups. */
const LAYERS = [
  ['3x3 64 → 64 @56', [56, 56, 64], [64, 3, 3], 1, 1],
  ['3x3 128 → 128 @28', [28, 28, 128], [128, 3, 3], 1, 1],
  ['3x3 256 → 256 @14', [14, 14, 256], [256, 3, 3], 1, 1],
  ['3x3 512 → 512 @7', [7, 7, 512], [512, 3, 3], 1, 1],
  ['3x3 24 → 24 @112', [112, 112, 24], [24, 3, 3], 1, 1],
  ['3x3 s2 128 → 128 @56', [56, 56, 128], [128, 3, 3], 2, 1],
  ['1x1 256 → 64 @56', [56, 56, 256], [64, 1, 1], 1, 0],
  ['1x1 64 → 256 @56', [56, 56, 64], [256, 1, 1], 1, 0],
  ['7x7 s2 3 → 64 @224', [224, 224, 3], [64, 7, 7], 2, 3],
  ['depthwise 3x3 144 @56', [56, 56, 144], [144, 3, 3], 1, 1, 144],
  ['depthwise 5x5 240 @14', [14, 14, 240], [240, 5, 5], 1, 2, 240],
  ['depthwise 3x3 s2 96 @112', [112, 112, 96], [96, 3, 3], 2, 1, 96],
  ['32 groups 3x3 256 @28', [28, 28, 256], [256, 3, 3], 1, 1, 32],
  ['1-D k3 80 → 384 T3000', [1, 3000, 80], [384, 1, 3], 1, 1],
].filter(([name]) => name.includes(options.only))

const TURNS = 3
const SPIN_MS = 300
const rounds = Number(options.rounds)
const ort = await import('onnxruntime-node').catch(() => undefined)
if (!ort) console.error('onnxruntime-node is not installed: npm install --ignore-scripts in bench/ brings the peer')

for (const threads of options.threads.split(',').map(Number)) {
  const backend = nativeBackend({ threads })
  const peak = (await backend.measurePeak('exact', 20)) / 1e9
  console.log(`${backend.name}, ${threads} threads, f32 peak ${peak.toFixed(0)} GF/s`)
  for (const layer of LAYERS) {
    const spec = layerSpec(layer)
    const ours = await henceRunner(backend, spec)
    const peer = ort && (await ortRunner(spec, threads))
    const best = { ours: Number.POSITIVE_INFINITY, peer: Number.POSITIVE_INFINITY }
    // In turns, so that what else the machine does falls on both; the peer's threads spin for a while after its turn.
    for (let turn = 0; turn < TURNS; turn++) {
      for (let round = 0; round < rounds; round++) best.ours = Math.min(best.ours, await ours.run())
      if (!peer) continue
      for (let round = 0; round < rounds; round++) best.peer = Math.min(best.peer, await peer.run())
      await sleep(SPIN_MS)
    }
    const speed = seconds => spec.operations / seconds / 1e9
    const versus = peer
      ? `   ONNX Runtime ${speed(best.peer).toFixed(1).padStart(7)} GF/s, ${(best.peer / best.ours).toFixed(2).padStart(5)}x`
      : ''
    const mine = speed(best.ours)
    console.log(
      `  ${spec.name.padEnd(26)} ${mine.toFixed(1).padStart(7)} GF/s ${((100 * mine) / peak).toFixed(0).padStart(4)} %  ${(best.ours * 1e6).toFixed(0).padStart(6)} µs${versus}`,
    )
    ours.dispose()
    await peer?.dispose()
  }
  backend.dispose()
}

function layerSpec([name, [height, width, channels], [n, kernelHeight, kernelWidth], stride, pad, groups = 1]) {
  const padHeight = kernelHeight > 1 ? pad : 0
  const outHeight = Math.floor((height + 2 * padHeight - kernelHeight) / stride) + 1
  const outWidth = Math.floor((width + 2 * pad - kernelWidth) / stride) + 1
  const depth = channels / groups
  const numbers = count => Float32Array.from({ length: count }, () => Math.random() - 0.5)
  return {
    name,
    shape: [1, height, width, channels],
    filter: [n, kernelHeight, kernelWidth, depth],
    attributes: { strides: [stride, stride], pads: [padHeight, pad, padHeight, pad], groups },
    x: numbers(height * width * channels),
    weight: numbers(n * kernelHeight * kernelWidth * depth),
    operations: 2 * outHeight * outWidth * n * kernelHeight * kernelWidth * depth,
  }
}

async function henceRunner(backend, { shape, filter, attributes, x, weight }) {
  const builder = new ProgramBuilder('conv')
  const y = builder.op('conv', 'y', [builder.input('x', 'f32', shape), builder.weight({ tensor: 'w' }, filter)], attributes)
  builder.output('y', y)
  const bytes = new Uint8Array(weight.buffer)
  const read = async (offset = 0, length = bytes.length - offset) => bytes.slice(offset, offset + length)
  const tensors = new Map([['w', { name: 'w', type: 'f32', shape: filter, byteLength: bytes.length, read }]])
  const executable = await backend.compile(builder.build(), { tensors, files: [] }, { precision: 'exact', limits: {} })
  const execution = executable.createExecution()
  return {
    async run() {
      await execution.run({ x }, {})
      return execution.lastComputeMs / 1000
    },
    dispose() {
      execution.dispose()
      executable.dispose()
    },
  }
}

/** ONNX Runtime with its own layout: channels first. Its time includes a call from JavaScript, about 20 µs. */
async function ortRunner(spec, threads) {
  const [batch, height, width, channels] = spec.shape
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, executionProviders: ['cpu'], graphOptimizationLevel: 'all' }
  const session = await ort.InferenceSession.create(convModel(spec), options)
  const feeds = { x: new ort.Tensor('float32', spec.x, [batch, channels, height, width]) }
  return {
    async run() {
      const start = performance.now()
      await session.run(feeds)
      return (performance.now() - start) / 1000
    },
    dispose: () => session.release(),
  }
}

import type { ConvAttributes, ConvTransposeAttributes, OutputActivation, PoolAttributes } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

interface ConvCase extends ConvAttributes {
  /** `[B, H, W, C]` and `[N, kernel height, kernel width]`. */
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number]
}

function conv(name: string, { x, w, ...attributes }: ConvCase): ContractCase {
  const c = new CaseBuilder(`conv ${name}`, x[1] + w[0])
  const weight = c.weight('w', [...w, x[3] / (attributes.groups ?? 1)], 'f32', 0.2)
  const operands = [c.input('x', x), weight, c.weight('b', [w[0]])]
  const plain = c.builder.op('conv', 'plain', operands, attributes)
  c.builder.output('plain', plain)
  // The same with everything that can happen to a sum.
  const residual = c.input('residual', plain.shape as readonly number[])
  const finished = { ...attributes, activation: 'relu', residual: 'before_activation' } as const
  c.builder.output('y', c.builder.op('conv', 'y', [...operands, residual], finished))
  return c.done()
}

/** Odd sizes of everything, and layers of known networks on small images. */
const CONVS: Readonly<Record<string, ConvCase>> = {
  'of one pixel': { x: [1, 1, 1, 1], w: [1, 1, 1] },
  '1x1': { x: [2, 5, 7, 33], w: [18, 1, 1] },
  '1x1 of many channels': { x: [1, 7, 7, 512], w: [64, 1, 1] },
  '1x1, stride 2': { x: [1, 8, 9, 24], w: [40, 1, 1], strides: [2, 2] },
  '3x3 of few channels': { x: [1, 11, 9, 3], w: [17, 3, 3], pads: [1, 1, 1, 1], strides: [2, 2] },
  '7x7, stride 2': { x: [1, 30, 28, 3], w: [64, 7, 7], pads: [3, 3, 3, 3], strides: [2, 2] },
  '7x7 of wide pictures, stride 2': { x: [2, 29, 61, 3], w: [20, 7, 7], strides: [2, 2], pads: [3, 3, 3, 3] },
  '5x5 of one channel': { x: [1, 28, 50, 1], w: [8, 5, 5], pads: [2, 2, 2, 2] },
  '3x2 of a wide picture with uneven pads': { x: [1, 9, 80, 4], w: [16, 3, 2], pads: [0, 3, 2, 1] },
  'with uneven pads, strides and dilations': {
    x: [2, 13, 17, 5],
    w: [19, 3, 2],
    pads: [0, 3, 2, 1],
    strides: [1, 2],
    dilations: [2, 3],
  },
  'smaller than its pads': { x: [1, 2, 2, 4], w: [3, 3, 5], pads: [3, 4, 3, 4] },
  'of a signal': { x: [1, 1, 50, 80], w: [48, 1, 3], pads: [0, 1, 0, 1] },
  'of a signal, in slices': { x: [1, 1, 40, 100], w: [20, 1, 7], pads: [0, 3, 0, 3] },
  'of many rows': { x: [3, 20, 21, 8], w: [33, 3, 3], pads: [1, 1, 1, 1], strides: [2, 1] },
  'in 2 groups': { x: [1, 6, 7, 40], w: [40, 3, 3], groups: 2, pads: [1, 1, 1, 1] },
  'in 3 groups, 1x1': { x: [1, 9, 5, 60], w: [72, 1, 1], groups: 3 },
  'in 32 groups of 8': { x: [1, 9, 15, 256], w: [256, 3, 3], groups: 32, pads: [1, 1, 1, 1] },
  'in 32 groups of 4, stride 2': { x: [2, 9, 8, 128], w: [128, 3, 3], groups: 32, pads: [1, 1, 1, 1], strides: [2, 2] },
  'in groups of 3 channels and 5 filters': { x: [1, 7, 6, 21], w: [35, 3, 3], groups: 7, pads: [1, 0, 1, 2] },
  'in groups of 7 filters': { x: [1, 5, 6, 6], w: [21, 1, 2], groups: 3, dilations: [1, 2] },
  depthwise: { x: [1, 15, 16, 40], w: [40, 3, 3], groups: 40, pads: [1, 1, 1, 1] },
  'depthwise 5x5': { x: [2, 14, 14, 17], w: [17, 5, 5], groups: 17, pads: [2, 2, 2, 2] },
  'depthwise, stride 2': { x: [1, 29, 31, 32], w: [32, 3, 3], groups: 32, pads: [0, 0, 1, 1], strides: [2, 2] },
  'depthwise, dilated': { x: [1, 12, 33, 16], w: [16, 3, 3], groups: 16, pads: [3, 2, 3, 2], dilations: [3, 2] },
  'depthwise, two filters a channel': { x: [1, 8, 9, 12], w: [24, 3, 3], groups: 12, pads: [1, 1, 1, 1] },
  'depthwise, higher than 64 taps': { x: [1, 70, 3, 5], w: [5, 66, 1], groups: 5 },
  'by Winograd': { x: [1, 14, 14, 64], w: [64, 3, 3], pads: [1, 1, 1, 1], algorithm: 'winograd' },
  'by Winograd, in slices': { x: [1, 9, 7, 300], w: [20, 3, 3], algorithm: 'winograd' },
  'by Winograd, odd': { x: [2, 9, 13, 19], w: [21, 3, 3], pads: [0, 1, 2, 1], algorithm: 'winograd' },
  'by Winograd, many tiles': { x: [2, 50, 41, 8], w: [5, 3, 3], pads: [1, 1, 1, 1], algorithm: 'winograd' },
  '3x3, direct': { x: [1, 14, 14, 64], w: [64, 3, 3], pads: [1, 1, 1, 1], algorithm: 'direct' },
}

interface ConvTransposeCase extends ConvTransposeAttributes {
  /** `[B, H, W, C]` and `[N, kernel height, kernel width]`. */
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number]
}

function convTranspose(name: string, { x, w, ...attributes }: ConvTransposeCase): ContractCase {
  const c = new CaseBuilder(`transposed conv ${name}`, x[1] + w[0])
  const weight = c.weight('w', [...w, x[3] / (attributes.groups ?? 1)], 'f32', 0.2)
  const image = c.input('x', x)
  c.builder.output('plain', c.builder.op('conv_transpose', 'plain', [image, weight], attributes))
  const finished = { ...attributes, activation: 'relu' } as const
  c.builder.output('y', c.builder.op('conv_transpose', 'y', [image, weight, c.weight('b', [w[0]])], finished))
  return c.done()
}

const CONV_TRANSPOSES: Readonly<Record<string, ConvTransposeCase>> = {
  'of one pixel': { x: [1, 1, 1, 1], w: [1, 1, 1] },
  '2x2, stride 2': { x: [2, 7, 9, 33], w: [17, 2, 2], strides: [2, 2] },
  '2x2, stride 2, of a U-Net': { x: [1, 20, 28, 128], w: [64, 2, 2], strides: [2, 2] },
  '4x4, stride 2': { x: [1, 13, 11, 70], w: [48, 4, 4], strides: [2, 2], pads: [1, 1, 1, 1] },
  '4x4, stride 2, of many channels': { x: [1, 8, 8, 256], w: [128, 4, 4], strides: [2, 2], pads: [1, 1, 1, 1] },
  '3x3, stride 2, with output pads': { x: [2, 6, 5, 16], w: [24, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1], outputPads: [1, 1] },
  'with gaps': { x: [1, 4, 5, 8], w: [16, 1, 2], strides: [2, 3], outputPads: [1, 2] },
  'with uneven pads, strides and dilations': { x: [2, 6, 7, 5], w: [19, 3, 4], pads: [0, 3, 2, 1], strides: [3, 2], dilations: [2, 3] },
  'stride 1': { x: [1, 9, 8, 12], w: [10, 3, 3], pads: [1, 1, 1, 1] },
  'of a signal': { x: [1, 1, 50, 80], w: [40, 1, 16], strides: [1, 8], pads: [0, 4, 0, 4] },
  'in 4 groups': { x: [1, 6, 5, 64], w: [80, 4, 4], groups: 4, strides: [2, 2], pads: [1, 1, 1, 1] },
  depthwise: { x: [1, 7, 6, 20], w: [20, 4, 4], groups: 20, strides: [2, 2], pads: [1, 1, 1, 1] },
}

const ACTIVATIONS: readonly OutputActivation[] = [
  'silu',
  'gelu',
  'hard_swish',
  { clip: [0, 0.5] },
  { leaky_relu: 0.1 },
  { hard_sigmoid: [0.2, 0.5] },
]

function activation(activation: OutputActivation): ContractCase {
  const c = new CaseBuilder(`conv with ${JSON.stringify(activation)}`)
  const x = c.input('x', [1, 6, 5, 16])
  const pads = [1, 1, 1, 1] as const
  for (const [name, groups, algorithm] of [
    ['dense', 1, 'direct'],
    ['depthwise', 16, 'direct'],
    ['winograd', 1, 'winograd'],
  ] as const) {
    const operands = [x, c.weight(name, [32, 3, 3, 16 / groups], 'f32', 0.2), undefined, c.input(`${name} residual`, [1, 6, 5, 32])]
    c.builder.output(name, c.builder.op('conv', name, operands, { groups, algorithm, pads, activation }))
  }
  return c.done()
}

/** One weight for images of several sizes, as in the heads of detectors: packed once for each method. */
function sharedWeight(): ContractCase {
  const c = new CaseBuilder('conv of two images with one weight')
  const weight = c.weight('w', [64, 3, 3, 64], 'f16', 0.1)
  for (const size of [2, 12])
    c.builder.output(
      `y${size}`,
      c.builder.op('conv', `y${size}`, [c.input(`x${size}`, [1, size, size, 64]), weight], { pads: [1, 1, 1, 1] }),
    )
  return c.done()
}

/** Images counted when the program runs. */
function symbolicBatch(): ContractCase {
  const c = new CaseBuilder('conv and pool of a batch known at run time')
  const x = c.builder.input('x', 'f32', [{ kind: 'bound', name: 'B' }, 8, 8, 16])
  const y = c.builder.op('conv', 'y', [x, c.weight('w', [32, 3, 3, 16], 'f32', 0.2)], { pads: [1, 1, 1, 1], activation: 'relu' })
  const z = c.builder.op('conv', 'z', [y, c.weight('v', [32, 3, 3, 1], 'f32', 0.2)], { groups: 32, strides: [2, 2] })
  c.builder.output('pooled', c.builder.op('pool', 'pooled', [z], { kind: 'average', kernel: [3, 3] }))
  const steps = [3, 1, 0].map(batch => ({ inputs: { x: c.numbers(batch * 8 * 8 * 16) }, dims: { B: batch } }))
  return { ...c.done({ B: 3 }), steps }
}

function pool(name: string, x: readonly [number, number, number, number], attributes: Omit<PoolAttributes, 'kind'>): ContractCase {
  const c = new CaseBuilder(`pool ${name}`, x[1])
  const image = c.input('x', x)
  for (const [label, all] of [
    ['largest', { ...attributes, kind: 'max' }],
    ['average', { ...attributes, kind: 'average' }],
    ['average with pads', { ...attributes, kind: 'average', counts: 'pads' }],
  ] as const)
    c.builder.output(label, c.builder.op('pool', label, [image], all))
  return c.done()
}

export const imageCases: readonly ContractCase[] = [
  ...Object.entries(CONVS).map(([name, c]) => conv(name, c)),
  ...Object.entries(CONV_TRANSPOSES).map(([name, c]) => convTranspose(name, c)),
  ...ACTIVATIONS.map(activation),
  sharedWeight(),
  symbolicBatch(),
  pool('2x2', [1, 8, 6, 64], { kernel: [2, 2], strides: [2, 2] }),
  pool('3x3 with pads', [2, 9, 11, 19], { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  pool('rounded up', [1, 8, 9, 5], { kernel: [3, 3], strides: [2, 3], pads: [0, 1, 1, 0], roundUp: true }),
  pool('dilated', [1, 12, 13, 80], { kernel: [2, 3], pads: [1, 2, 2, 1], dilations: [3, 2] }),
  pool('over everything', [2, 7, 7, 100], { kernel: [7, 7] }),
  pool('of a signal', [1, 1, 33, 16], { kernel: [1, 5], strides: [1, 3] }),
]

/**
 * Speed of single tensor operations beside what the machine can do at most, on one thread.
 *
 *   npm run build && node bench/tensor-ops.mjs [--filter TEXT] [--target avx2]
 *
 * A program repeats one instruction, so that a step's own cost does not count. Floors: the time of a plain copy of the
 * bytes an instruction reads and writes, and the multiply-adds at the rate of a loop of them, each measured beside it.
 */
import { parseArgs } from 'node:util'
import { nativeBackend } from '../dist/backends/index.js'
import { concatenated, expanded, ProgramBuilder, padded, sliced, transposed } from '../dist/program/index.js'

const { values } = parseArgs({ options: { filter: { type: 'string', default: '' }, target: { type: 'string' } } })
const backend = nativeBackend({ threads: 1, target: values.target })
const noWeights = { tensors: new Map(), files: [] }
const count = shape => shape.reduce((product, size) => product * size, 1)

/** Best milliseconds of one instruction among `repeats` equal ones in a row. */
async function measure(op, shapes, attributes, { repeats, isChain = false }) {
  const builder = new ProgramBuilder(op)
  const inputs = shapes.map((shape, i) =>
    shape instanceof Int32Array ? builder.input(`x${i}`, 'i32', [shape.length]) : builder.input(`x${i}`, 'f32', shape),
  )
  let y
  for (let i = 0; i < repeats; i++) y = builder.op(op, `y${i}`, isChain && y ? [y, ...inputs.slice(1)] : inputs, attributes)
  builder.output('y', y)
  const executable = await backend.compile(builder.build(), noWeights, { precision: 'exact', limits: {} })
  const execution = executable.createExecution()
  const data = Object.fromEntries(
    shapes.map((shape, i) => [
      `x${i}`,
      shape instanceof Int32Array ? shape : Float32Array.from({ length: count(shape) }, (_, k) => Math.sin(k)),
    ]),
  )
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 7; round++) {
    await execution.run(data, {})
    best = Math.min(best, execution.lastComputeMs)
  }
  execution.dispose()
  executable.dispose()
  return best / repeats
}

const x = { input: 0 }
const hardSwish = [
  'mul',
  x,
  ['max', { constant: 0 }, ['min', { constant: 1 }, ['add', ['mul', x, { constant: 1 / 6 }], { constant: 0.5 }]]],
]
const MOVES = [
  ['transpose 1x256x56x56 to NHWC', [[256, 3136]], transposed([256, 3136], [1, 0])],
  ['transpose 1x56x56x256 to NCHW', [[3136, 256]], transposed([3136, 256], [1, 0])],
  ['transpose 1x64x28x28 to NHWC', [[64, 784]], transposed([64, 784], [1, 0])],
  ['transpose 1x3x224x224 to NHWC', [[3, 50176]], transposed([3, 50176], [1, 0])],
  ['transpose heads 128x12x64', [[128, 12, 64]], transposed([128, 12, 64], [1, 0, 2])],
  [
    'concat channels 2 x 784x128',
    [
      [784, 128],
      [784, 128],
    ],
    concatenated(
      [
        [784, 128],
        [784, 128],
      ],
      1,
    ),
  ],
  ['pad 56x56x64 by 1', [[56, 56, 64]], padded([56, 56, 64], [1, 1, 0], [1, 1, 0])],
  ['slice half of the channels', [[784, 256]], sliced([784, 256], [0, 128], [1, 1], [784, 128])],
  ['expand rows 784x256', [[256]], expanded([256], [784, 256])],
]
const MAPS = [
  ['add', [[200_000], [200_000]], ['add', x, { input: 1 }]],
  ['add a row', [[784, 256], [256]], ['add', x, { input: 1 }]],
  ['add a short row', [[8000, 24], [24]], ['add', x, { input: 1 }]],
  [
    'scale by a column',
    [
      [784, 256],
      [784, 1],
    ],
    ['mul', x, { input: 1 }],
  ],
  ['hard swish', [[200_000]], hardSwish],
  ['gelu', [[200_000]], ['gelu', x]],
  [
    'erf chain',
    [[200_000]],
    ['mul', ['mul', x, { constant: 0.5 }], ['add', ['erf', ['mul', x, { constant: Math.SQRT1_2 }]], { constant: 1 }]],
  ],
  ['silu', [[200_000]], ['silu', x]],
  ['tanh', [[200_000]], ['tanh', x]],
  ['sin', [[200_000]], ['sin', x]],
]
const REDUCTIONS = [
  ['mean over 7x7 of 7x7x1280', [[49, 1280]], { kind: 'mean', axes: [0] }],
  ['mean over 7x7 of 1280x7x7', [[1280, 49]], { kind: 'mean', axes: [1] }],
  ['sum of rows 784x256', [[784, 256]], { kind: 'sum', axes: [1] }],
  ['max over rows 784x256', [[784, 256]], { kind: 'max', axes: [0] }],
  ['l2 of 200,000', [[200_000]], { kind: 'l2', axes: [0] }],
]
const PRODUCTS = [
  [
    'q·kᵀ of 12 heads, 128x64',
    [
      [12, 128, 64],
      [12, 128, 64],
    ],
    { transposeB: true },
  ],
  [
    'p·v of 12 heads, 128x128x64',
    [
      [12, 128, 128],
      [12, 128, 64],
    ],
    {},
  ],
  [
    'p·v of 12 heads, 197x197x64',
    [
      [12, 197, 197],
      [12, 197, 64],
    ],
    {},
  ],
  [
    '512x512x512',
    [
      [512, 512],
      [512, 512],
    ],
    {},
  ],
  [
    '1x1024x4096',
    [
      [1, 1024],
      [1024, 4096],
    ],
    {},
  ],
  [
    '1x1024 by 4096x1024 transposed',
    [
      [1, 1024],
      [4096, 1024],
    ],
    { transposeB: true },
  ],
]
const ATTENTIONS = [
  ['12 heads, 128 tokens, 64', 12, 128, 64],
  ['12 heads, 197 tokens, 64', 12, 197, 64],
  ['8 heads, 512 tokens, 80', 8, 512, 80],
  ['12 heads, 1500 tokens, 64', 12, 1500, 64],
]

const row = (name, ms, rate, floorMs) =>
  console.log(
    `${name.padEnd(42)} ${(ms * 1000).toFixed(1).padStart(9)} µs  ${rate.padStart(17)}  ${((floorMs / ms) * 100).toFixed(0).padStart(4)} % of the floor`,
  )
const wanted = name => name.includes(values.filter)
const repeatsFor = elements => Math.max(2, Math.min(64, Math.round(2_000_000 / elements)))
const gigaElements = (elements, ms) => `${(elements / ms / 1e6).toFixed(2)} Gelem/s`
const copyMs = elements => measure('copy', [[elements]], transposed([elements], [0]), { repeats: repeatsFor(elements) })

console.log(`${backend.name}, one thread`)
for (const [name, shapes, attributes] of MOVES.filter(([name]) => wanted(name))) {
  const elements = count(attributes.shape)
  row(`copy: ${name}`, ...(await result('copy', shapes, attributes, elements)))
}
for (const [name, shapes, expression] of MAPS.filter(([name]) => wanted(name)))
  row(`map: ${name}`, ...(await result('map', shapes, { expression }, count(shapes[0]))))
for (const [name, shapes, attributes] of REDUCTIONS.filter(([name]) => wanted(name)))
  row(`reduce: ${name}`, ...(await result('reduce', shapes, attributes, count(shapes[0]))))
async function result(op, shapes, attributes, elements) {
  const ms = await measure(op, shapes, attributes, { repeats: repeatsFor(elements) })
  return [ms, gigaElements(elements, ms), await copyMs(elements)]
}
if (wanted('tiny')) {
  const ms = await measure('map', [[16], [16]], { expression: ['add', x, { input: 1 }] }, { repeats: 200, isChain: true })
  console.log(`map: 200 tiny ones in a chain                ${(ms * 1e6).toFixed(0)} ns each`)
}
for (const [name, shapes, attributes] of PRODUCTS.filter(([name]) => wanted(name))) {
  const [a, b] = shapes
  const operations = 2 * count(a) * b.at(attributes.transposeB ? -2 : -1)
  const ms = await measure('batched_matmul', shapes, attributes, { repeats: Math.max(2, Math.round(2e8 / operations)) })
  const peak = await backend.measurePeak('exact')
  row(`batched_matmul: ${name}`, ms, `${(operations / ms / 1e6).toFixed(1)} GF/s`, (operations / peak) * 1000)
}
for (const [name, heads, tokens, width] of ATTENTIONS.filter(([name]) => wanted(name))) {
  const shape = [1, tokens, heads * width]
  const operations = 4 * heads * tokens * tokens * width
  const attributes = { heads, kvHeads: heads, scale: width ** -0.5 }
  const ms = await measure('dense_attention', [shape, shape, shape], attributes, { repeats: Math.max(2, Math.round(2e8 / operations)) })
  const peak = await backend.measurePeak('exact')
  row(`dense_attention: ${name}`, ms, `${(operations / ms / 1e6).toFixed(1)} GF/s`, (operations / peak) * 1000)
}
backend.dispose()

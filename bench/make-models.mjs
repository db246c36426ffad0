/**
 * Makes the models of bench/onnx.mjs that no file has: usual shapes, random weights of a fixed seed.
 *
 *   node bench/make-models.mjs DIR [NAME…]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Rng } from '../dist/core/index.js'
import { network, tensor } from '../dist/index.js'

const OPSET = 21
const VOCABULARY = 1000
const MOST_POSITIONS = 512
const MINILM = { layers: 6, hidden: 384, heads: 12, mlp: 1536 }
const BERT_BASE = { layers: 12, hidden: 768, heads: 12, mlp: 3072 }

/** Models by name, as functions that make a network. */
export const MODELS = {
  mobilenet,
  unet,
  minilm: () => textEncoder('minilm', MINILM),
  'bert-base': () => textEncoder('bert-base', BERT_BASE),
  'vit-base': () => pictureEncoder('vit-base', BERT_BASE),
  'minilm-u8s8': () => textEncoder('minilm-u8s8', MINILM, 'u8'),
  'bert-base-u8s8': () => textEncoder('bert-base-u8s8', BERT_BASE, 'u8'),
  'vit-base-u8s8': () => pictureEncoder('vit-base-u8s8', BERT_BASE, 'u8'),
  'minilm-s8s8': () => textEncoder('minilm-s8s8', MINILM, 'i8'),
  'bert-base-s8s8': () => textEncoder('bert-base-s8s8', BERT_BASE, 'i8'),
  'vit-base-s8s8': () => pictureEncoder('vit-base-s8s8', BERT_BASE, 'i8'),
  'nbits-768': () => fourBits('nbits-768', 768, 8, 0),
  'nbits-768-int8': () => fourBits('nbits-768-int8', 768, 8, 4),
  'nbits-4096': () => fourBits('nbits-4096', 4096, 1, 0),
  'nbits-4096-int8': () => fourBits('nbits-4096-int8', 4096, 1, 4),
  'nodes-1': () => tinyNodes('nodes-1', 1),
  'nodes-200': () => tinyNodes('nodes-200', 200),
  'trees-regressor': () => trees('trees-regressor', 1),
  'trees-classifier': () => trees('trees-classifier', 3),
}

/** Writes a model to a folder. */
export async function makeModel(name, folder) {
  mkdirSync(folder, { recursive: true })
  await MODELS[name]().save(join(folder, `${name}.onnx`))
}

/** Weights that keep the variance of what goes through them. */
function weightSource(seed) {
  const rng = new Rng(seed)
  const fill = (shape, next) => tensor('f32', shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next))
  return {
    rng,
    normal: (shape, inputs) => fill(shape, () => rng.normal() / Math.sqrt(inputs)),
    near: (shape, value, spread = 0.05) => fill(shape, () => value + spread * rng.normal()),
  }
}

function mobilenet() {
  const net = network('mobilenet', { opset: OPSET })
  const source = weightSource(1)
  const conv = (x, inputs, outputs, kernel, { activates = true, ...options }) => {
    const perGroup = inputs / (options.groups ?? 1)
    const weight = source.normal([outputs, perGroup, kernel, kernel], (perGroup * kernel * kernel) / 2)
    const y = net.conv(x, weight, { ...options, pads: kernel >> 1, bias: source.near([outputs], 0) })
    return activates ? net.clip(y, 0, 6) : y
  }
  const block = (x, inputs, outputs, expansion, strides) => {
    const wide = inputs * expansion
    const expanded = expansion === 1 ? x : conv(x, inputs, wide, 1, {})
    const depthwise = conv(expanded, wide, wide, 3, { groups: wide, strides })
    const projected = conv(depthwise, wide, outputs, 1, { activates: false })
    return strides === 1 && inputs === outputs ? net.add(x, projected) : projected
  }
  let x = conv(net.input('image', 'f32', ['batch', 3, 224, 224]), 3, 32, 3, { strides: 2 })
  let channels = 32
  // Expansion, channels, repeats, strides. Source: Sandler et al., "MobileNetV2" (2018), table 2.
  for (const [expansion, outputs, repeats, strides] of [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ])
    for (let i = 0; i < repeats; i++) {
      x = block(x, channels, outputs, expansion, i === 0 ? strides : 1)
      channels = outputs
    }
  const features = net.flatten(net.globalAveragePool(conv(x, channels, 1280, 1, {})))
  net.output('scores', net.linear(features, source.normal([1000, 1280], 1280), source.near([1000], 0)), 'f32', ['batch', 1000])
  return net
}

function unet() {
  const net = network('unet', { opset: OPSET })
  const source = weightSource(2)
  const conv = (x, inputs, outputs) =>
    net.relu(net.conv(x, source.normal([outputs, inputs, 3, 3], (inputs * 9) / 2), { pads: 1, bias: source.near([outputs], 0) }))
  const pair = (x, inputs, outputs) => conv(conv(x, inputs, outputs), outputs, outputs)
  const widths = [32, 64, 128, 256]
  const kept = []
  let x = net.input('image', 'f32', ['batch', 3, 256, 256])
  let channels = 3
  for (const width of widths) {
    x = pair(x, channels, width)
    kept.push(x)
    x = net.maxPool(x, [2, 2], { strides: 2 })
    channels = width
  }
  x = pair(x, channels, 512)
  channels = 512
  for (const width of widths.toReversed()) {
    const up = net.convTranspose(x, source.normal([channels, width, 2, 2], channels), { strides: 2, bias: source.near([width], 0) })
    x = pair(net.concat([kept.pop(), up], 1), 2 * width, width)
    channels = width
  }
  net.output('mask', net.conv(x, source.normal([2, channels, 1, 1], channels)), 'f32', ['batch', 2, 256, 256])
  return net
}

function textEncoder(name, shape, activations) {
  const net = network(name, { opset: OPSET })
  const source = weightSource(3)
  const ids = net.input('ids', 'i64', ['batch', 'sequence'])
  const words = net.embedding(ids, source.normal([VOCABULARY, shape.hidden], 1))
  const sequence = net.gather(net.shape(ids), tensor('i64', [1], BigInt64Array.of(1n)))
  const positions = net.slice(source.normal([MOST_POSITIONS, shape.hidden], 1), [0], sequence, [0])
  const x = net.layerNorm(net.add(words, positions), source.near([shape.hidden], 1), source.near([shape.hidden], 0))
  net.output('hidden', encoderLayers(net, source, x, shape, activations), 'f32', ['batch', 'sequence', shape.hidden])
  return net
}

function pictureEncoder(name, shape, activations) {
  const net = network(name, { opset: OPSET })
  const source = weightSource(4)
  const { hidden } = shape
  const image = net.input('image', 'f32', ['batch', 3, 224, 224])
  const patches = net.conv(image, source.normal([hidden, 3, 16, 16], 3 * 256), { strides: 16, bias: source.near([hidden], 0) })
  const tokens = net.transpose(net.reshape(patches, [0, 0, -1]), [0, 2, 1])
  const x = net.add(tokens, source.normal([1, 196, hidden], 1))
  const normed = net.layerNorm(x, source.near([hidden], 1), source.near([hidden], 0))
  net.output('hidden', encoderLayers(net, source, normed, shape, activations), 'f32', ['batch', 196, hidden])
  return net
}

/** Layers that normalize after each part, as BERT does. With `activations`, the products of weights are quantized. */
function encoderLayers(net, source, input, { layers, hidden, heads, mlp }, activations) {
  const quantized = activations ? quantizer(net, activations) : undefined
  const product = (x, inputs, outputs) => {
    const weight = source.normal([inputs, outputs], inputs)
    return net.add(net.matmul(x, quantized ? quantized.weight(weight) : weight), source.near([outputs], 0))
  }
  const prepared = (x, low, high) => (quantized ? quantized.activation(x, low, high) : x)
  const norm = x => net.layerNorm(x, source.near([hidden], 1), source.near([hidden], 0))
  let x = input
  for (let layer = 0; layer < layers; layer++) {
    const read = prepared(x, -5, 5)
    const [query, key, value] = [0, 1, 2].map(() => product(read, hidden, hidden))
    const attended = net.attention(query, key, value, { heads, headSize: hidden / heads })
    x = norm(net.add(x, product(prepared(attended, -3, 3), hidden, hidden)))
    const wide = net.gelu(product(prepared(x, -5, 5), hidden, mlp))
    x = norm(net.add(x, product(prepared(wide, -0.2, 5), mlp, hidden)))
  }
  return x
}

/** Pairs of QuantizeLinear and DequantizeLinear, activations of type `u8` or `i8`, weights of type i8 per output. */
function quantizer(net, dtype) {
  return {
    activation(x, low, high) {
      const scale = dtype === 'u8' ? (high - low) / 255 : Math.max(-low, high) / 127
      const zero = dtype === 'u8' ? tensor('u8', [], Uint8Array.of(Math.round(-low / scale))) : tensor('i8', [])
      const scales = tensor('f32', [], Float32Array.of(scale))
      return net.op('DequantizeLinear', [net.op('QuantizeLinear', [x, scales, zero]), scales, zero])
    },
    weight({ shape, data }) {
      const [inputs, outputs] = shape
      const scales = new Float32Array(outputs)
      for (let i = 0; i < data.length; i++) scales[i % outputs] = Math.max(scales[i % outputs], Math.abs(data[i]) / 127)
      const values = Int8Array.from(data, (value, i) => Math.round(value / scales[i % outputs]))
      const operands = [tensor('i8', [inputs, outputs], values), tensor('f32', [outputs], scales), tensor('i8', [outputs])]
      return net.op('DequantizeLinear', operands, { axis: 1 })
    },
  }
}

/** Products with 4-bit weights in blocks of 32; the accuracy level 4 lets the activations be 8-bit. */
function fourBits(name, width, layers, accuracyLevel) {
  const net = network(name, { opset: OPSET })
  const { rng } = weightSource(5)
  const block = 32
  let x = net.input('x', 'f32', ['rows', width])
  for (let layer = 0; layer < layers; layer++) {
    const nibble = () => 1 + (rng.uint32() % 15)
    const bytes = Uint8Array.from({ length: (width * width) / 2 }, () => nibble() | (nibble() << 4))
    const weight = tensor('u8', [width, width / block, block / 2], bytes)
    // The numbers 1 to 15 around 8 have a standard deviation of 4.3.
    const scales = Float32Array.from({ length: (width * width) / block }, () => (0.5 + rng.uniform()) / (4.3 * Math.sqrt(width)))
    x = net.op(
      'MatMulNBits',
      [x, weight, tensor('f32', [width, width / block], scales)],
      { K: width, N: width, bits: 4, block_size: block, accuracy_level: accuracyLevel },
      { domain: 'com.microsoft' },
    )
  }
  net.output('y', x, 'f32', ['rows', width])
  return net
}

function tinyNodes(name, count) {
  const net = network(name, { opset: OPSET })
  const source = weightSource(6)
  let x = net.input('x', 'f32', [16])
  const kinds = [
    y => net.add(y, source.near([16], 0)),
    y => net.mul(y, source.near([16], 1)),
    y => net.tanh(y),
    y => net.sub(y, source.near([16], 0)),
  ]
  for (let i = 0; i < count; i++) x = kinds[i % kinds.length](x)
  net.output('y', x, 'f32', [16])
  return net
}

/** A hundred full trees of depth 8 over 32 features. */
function trees(name, classes) {
  const net = network(name, { opset: OPSET })
  const { rng } = weightSource(7)
  const depth = 8
  const inner = 2 ** depth - 1
  const nodes = { trees: [], ids: [], features: [], values: [], modes: [], yes: [], no: [] }
  const leaves = { trees: [], ids: [], targets: [], weights: [] }
  for (let tree = 0; tree < 100; tree++)
    for (let id = 0; id < 2 * inner + 1; id++) {
      const isLeaf = id >= inner
      nodes.trees.push(tree)
      nodes.ids.push(id)
      nodes.features.push(isLeaf ? 0 : rng.uint32() % 32)
      nodes.values.push(isLeaf ? 0 : Math.fround(rng.normal()))
      nodes.modes.push(isLeaf ? 'LEAF' : 'BRANCH_LEQ')
      nodes.yes.push(isLeaf ? 0 : 2 * id + 1)
      nodes.no.push(isLeaf ? 0 : 2 * id + 2)
      if (!isLeaf) continue
      leaves.trees.push(tree)
      leaves.ids.push(id)
      leaves.targets.push(rng.uint32() % classes)
      leaves.weights.push(Math.fround(rng.normal() / 10))
    }
  const common = {
    nodes_treeids: nodes.trees,
    nodes_nodeids: nodes.ids,
    nodes_featureids: nodes.features,
    nodes_values: nodes.values,
    nodes_modes: nodes.modes,
    nodes_truenodeids: nodes.yes,
    nodes_falsenodeids: nodes.no,
    post_transform: 'NONE',
  }
  const x = net.input('x', 'f32', ['rows', 32])
  const domain = 'ai.onnx.ml'
  if (classes === 1) {
    const targets = { target_treeids: leaves.trees, target_nodeids: leaves.ids, target_ids: leaves.targets, target_weights: leaves.weights }
    net.output('y', net.op('TreeEnsembleRegressor', [x], { ...common, ...targets, n_targets: 1 }, { domain }), 'f32', ['rows', 1])
    return net
  }
  const targets = { class_treeids: leaves.trees, class_nodeids: leaves.ids, class_ids: leaves.targets, class_weights: leaves.weights }
  const labels = Array.from({ length: classes }, (_, i) => i)
  const [label, scores] = net.op(
    'TreeEnsembleClassifier',
    [x],
    { ...common, ...targets, classlabels_int64s: labels },
    { domain, outputs: 2 },
  )
  net.output('label', label, 'i64', ['rows'])
  net.output('scores', scores, 'f32', ['rows', classes])
  return net
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, ...names] = process.argv.slice(2)
  if (!folder || names.some(name => !(name in MODELS))) {
    console.error(`usage: node bench/make-models.mjs DIR [NAME…]\nnames: ${Object.keys(MODELS).join(' ')}`)
    process.exit(2)
  }
  for (const name of names.length > 0 ? names : Object.keys(MODELS)) await makeModel(name, folder)
}

// A network written in TypeScript, layer by layer: ResNet-20 for the ten kinds of pictures of CIFAR-10, 32 by 32 pixels.
//   node examples/resnet20.mjs WEIGHTS.safetensors PICTURES.safetensors
// The pictures are a tensor "input" of shape [count, 3, 32, 32], normalized as in training. If the file also holds the
// right "logits", they are compared.
import { network, readTensors } from 'hence'

const [weightsPath, picturesPath] = process.argv.slice(2)
if (!weightsPath || !picturesPath) {
  console.error('usage: node examples/resnet20.mjs WEIGHTS.safetensors PICTURES.safetensors')
  process.exit(2)
}
const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']

const weights = await readTensors(weightsPath)
const net = network('resnet20')

/** A convolution of 3 by 3 without bias, then batch normalization. */
function conv(x, convName, normName, strides = 1) {
  const y = net.conv(x, weights.get(`${convName}.weight`), { pads: 1, strides })
  return net.batchNorm(y, {
    scale: weights.get(`${normName}.weight`),
    bias: weights.get(`${normName}.bias`),
    mean: weights.get(`${normName}.running_mean`),
    variance: weights.get(`${normName}.running_var`),
  })
}

/** Two convolutions beside a shortcut, which drops every other pixel and pads with zero channels where sizes change. */
function block(x, name, { strides, size, newChannels }) {
  const first = net.relu(conv(x, `${name}.conv1`, `${name}.bn1`, strides))
  const second = conv(first, `${name}.conv2`, `${name}.bn2`)
  let shortcut = x
  if (strides > 1) {
    const everyOther = net.slice(x, [0, 0], [size, size], [2, 3], [strides, strides])
    shortcut = net.pad(everyOther, [0, newChannels / 2, 0, 0, 0, newChannels / 2, 0, 0])
  }
  return net.relu(net.add(second, shortcut))
}

let x = net.input('image', 'f32', ['count', 3, 32, 32])
x = net.relu(conv(x, 'conv1', 'bn1'))
for (const [stage, { size, newChannels }] of [{}, { size: 32, newChannels: 16 }, { size: 16, newChannels: 32 }].entries())
  for (let i = 0; i < 3; i++) {
    const strides = stage > 0 && i === 0 ? 2 : 1
    x = block(x, `layer${stage + 1}.${i}`, { strides, size, newChannels })
  }
const features = net.flatten(net.globalAveragePool(x))
net.output('logits', net.linear(features, weights.get('linear.weight'), weights.get('linear.bias')))

const model = await net.load()
const pictures = await readTensors(picturesPath)
const { logits } = await model.run({ image: pictures.get('input') })

const [count, classes] = logits.shape
const rows = Array.from({ length: count }, (_, row) => logits.data.subarray(row * classes, (row + 1) * classes))
console.log(rows.map(row => CLASSES[row.indexOf(Math.max(...row))]).join(' '))
if (pictures.has('logits')) {
  const expected = pictures.get('logits').data
  const difference = logits.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i])), 0)
  console.log(`largest difference from the expected logits: ${difference.toExponential(1)}`)
}
model.dispose()

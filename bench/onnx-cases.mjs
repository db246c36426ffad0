/**
 * What bench/onnx.mjs measures: by set, a model and inputs of fixed shape. Models are taken from the testdata (`light/…` is
 * unpacked from light-models.tar.gz) or made by make-models.mjs.
 *
 * `tolerance` is the largest difference of the two engines' outputs, relative to the largest output, that counts as equal:
 * sums in f32 are taken in another order, and at int8 a number that rounds the other way is passed on through the layers.
 */
const PICTURE = [1, 3, 224, 224]
const F32 = 1e-3
const INT8 = 0.1

const normal = (...shape) => ({ dtype: 'f32', shape })
const ids = (...shape) => ({ dtype: 'i64', shape, below: 1000 })

const light = (name, input) => ({ name, file: `light/light_${name}.onnx`, inputs: { [input]: normal(...PICTURE) } })
const made = (name, inputs, rest = {}) => ({ name, make: name, inputs, ...rest })

/** Text encoders at every length and batch, and a picture encoder. */
function encoders(suffix) {
  const cases = []
  for (const model of ['minilm', 'bert-base'])
    for (const batch of [1, 8])
      for (const sequence of [16, 128, 512])
        cases.push({ name: `${model}${suffix} ${batch}×${sequence}`, make: `${model}${suffix}`, inputs: { ids: ids(batch, sequence) } })
  for (const batch of [1, 8])
    cases.push({ name: `vit-base${suffix} ${batch}`, make: `vit-base${suffix}`, inputs: { image: normal(batch, 3, 224, 224) } })
  return cases
}

const withTolerance = (tolerance, cases) => cases.map(item => ({ tolerance, ...item }))

/** Cases by set. */
export const SETS = {
  cnn: withTolerance(F32, [
    light('squeezenet', 'data_0'),
    light('shufflenet', 'gpu_0/data_0'),
    light('inception_v2', 'data_0'),
    light('resnet50', 'gpu_0/data_0'),
    light('densenet121', 'data_0'),
    made('mobilenet', { image: normal(...PICTURE) }),
    made('unet', { image: normal(1, 3, 256, 256) }),
  ]),
  encoder: withTolerance(F32, encoders('')),
  int8: withTolerance(INT8, [...encoders('-u8s8'), ...encoders('-s8s8')]),
  nbits: withTolerance(INT8, [
    made('nbits-768', { x: normal(128, 768) }),
    made('nbits-768-int8', { x: normal(128, 768) }),
    made('nbits-4096', { x: normal(128, 4096) }),
    made('nbits-4096-int8', { x: normal(128, 4096) }),
  ]),
  tiny: withTolerance(F32, [
    made('nodes-1', { x: normal(16) }, { isBaseline: true }),
    made('nodes-200', { x: normal(16) }),
    { name: 'mnist', file: 'cnn/mnist/opt-mnist.onnx', inputs: { Input3: normal(1, 1, 28, 28) } },
    {
      name: 'silero chunk',
      file: 'audio/silero-vad/silero_vad_16k_op15.onnx',
      inputs: { input: normal(1, 576), state: normal(2, 1, 128), sr: { dtype: 'i64', shape: [], value: 16_000 } },
    },
  ]),
  trees: withTolerance(F32, [
    made('trees-regressor', { x: normal(1, 32) }),
    { name: 'trees-regressor 10000', make: 'trees-regressor', inputs: { x: normal(10_000, 32) } },
    made('trees-classifier', { x: normal(1, 32) }),
    { name: 'trees-classifier 10000', make: 'trees-classifier', inputs: { x: normal(10_000, 32) } },
  ]),
}

/** Inputs of a case, the same in every process: normal numbers, or integers below a bound. */
export function makeInputs(inputs) {
  return Object.entries(inputs).map(([name, { dtype, shape, below, value }], i) => {
    const random = generator(i + 1)
    const length = shape.reduce((product, size) => product * size, 1)
    const data =
      dtype === 'f32'
        ? Float32Array.from({ length }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
        : BigInt64Array.from({ length }, () => BigInt(value ?? Math.floor(random() * below)))
    return { name, dtype, shape, data }
  })
}

/** Uniform numbers in [0, 1). Source: Marsaglia, "Xorshift RNGs" (2003). */
function generator(seed) {
  let state = seed * 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

import { HenceError, type TensorModel, throwIfAborted } from '../core/index.ts'
import { writeOnnx } from '../formats/index.ts'
import { LayerBuilder, type NetworkOptions } from '../graph/index.ts'
import { checkOptions } from './check-options.ts'
import { type LoadTensorOptions, TENSOR_RULES } from './load.ts'
import { startTensorModel } from './open-tensor-model.ts'

/** A network written in TypeScript. Make one with {@link network}. */
export class Network extends LayerBuilder {
  readonly #name: string

  constructor(name: string, options: NetworkOptions = {}) {
    super(name, options)
    this.#name = name
  }

  /**
   * The network as it is now, ready to run. It may be loaded several times; constants are not copied until they are packed.
   *
   * @throws HenceError `GRAPH_INVALID` without outputs, `OPTION_INVALID`, or about the backend
   */
  async load(options: LoadTensorOptions = {}): Promise<TensorModel> {
    checkOptions('load', options, TENSOR_RULES)
    throwIfAborted(options.signal)
    return startTensorModel(this.#name, this.toModel(), options)
  }

  /** Writes the network as an ONNX file. @throws HenceError `FILE_UNREADABLE`, `FILE_LIMIT`, `GRAPH_INVALID` */
  async save(path: string): Promise<void> {
    await writeOnnx(path, this.toModel())
  }
}

/**
 * Begins a network in TypeScript, for models that have no ONNX file: name its inputs, apply layers to values, name its
 * outputs, load it. Every ONNX operator is there through `op`, the usual ones by name.
 *
 * @throws HenceError `OPTION_INVALID` for an empty name
 * @example
 * ```ts
 * import { network, readTensors, tensor } from 'hence'
 * const weights = await readTensors('weights.safetensors')
 * const net = network('classifier')
 * const x = net.input('x', 'f32', ['batch', 784])
 * const hidden = net.relu(net.linear(x, weights.get('fc1.weight'), weights.get('fc1.bias')))
 * net.output('scores', net.softmax(net.linear(hidden, weights.get('fc2.weight'), weights.get('fc2.bias'))))
 * const model = await net.load()
 * const { scores } = await model.run({ x: tensor('f32', [1, 784]) })
 * ```
 */
export function network(name: string, options: NetworkOptions = {}): Network {
  if (name === '') throw new HenceError('OPTION_INVALID', 'network: a name is needed')
  return new Network(name, options)
}

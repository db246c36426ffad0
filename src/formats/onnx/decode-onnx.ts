import { HenceError } from '../../core/index.ts'
import type { FileIdentity } from '../checkpoint.ts'
import { MessageReader } from '../protobuf/message-reader.ts'
import { readFunction, readGraph } from './graph.ts'
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxTensor } from './model.ts'
import { OnnxSource } from './onnx-source.ts'
import { readOpset } from './opsets.ts'
import { readStringEntry } from './string-entries.ts'
import { readTensor } from './tensor.ts'

/** The first version that has operator sets; before it there was only the first of ai.onnx. */
const FIRST_IR_WITH_OPSETS = 3

/**
 * Decodes a model whose weights are all in `bytes`. Aligned tensors are views of `bytes`.
 *
 * @throws HenceError `FILE_MALFORMED`, `FILE_TRUNCATED`, `FILE_LIMIT`, `FORMAT_UNSUPPORTED` (also for external data)
 */
export function decodeOnnx(bytes: Uint8Array): OnnxModel {
  const source = new OnnxSource('ONNX model', bytes, false)
  const model = readModel(source, [])
  refuseExternal(source)
  return model
}

/**
 * Decodes a TensorProto, as test cases keep them.
 *
 * @throws HenceError as {@link decodeOnnx}
 */
export function decodeTensor(bytes: Uint8Array): OnnxTensor {
  const source = new OnnxSource('ONNX tensor', bytes, false)
  const { tensor } = readTensor(source, new MessageReader(source, 'tensor'))
  refuseExternal(source)
  return tensor
}

/** Throws `FORMAT_UNSUPPORTED` when elements lie in other files. */
export function refuseExternal(source: OnnxSource): void {
  const first = source.external[0]
  if (first === undefined) return
  throw new HenceError('FORMAT_UNSUPPORTED', `${source.name}: ${first.what} lies in another file, ${first.location}`, {
    location: first.location,
    hint: 'Open the model by its path, with its external data beside it.',
  })
}

/** Reads the ModelProto of `source`. */
export function readModel(source: OnnxSource, files: readonly FileIdentity[]): OnnxModel {
  const reader = new MessageReader(source, 'model')
  let irVersion = 0
  let producer = ''
  let graph: OnnxGraph | undefined
  const opsets = new Map<string, number>()
  const metadata = new Map<string, string>()
  const functions: OnnxFunction[] = []
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        irVersion = reader.int()
        break
      case 2:
        producer = reader.text()
        break
      case 7:
        if (graph) throw reader.malformed('there are two graphs')
        graph = readGraph(source, reader.message('graph'))
        break
      case 8:
        readOpset(reader.message('operator set'), opsets)
        break
      case 14: {
        const { key, value } = readStringEntry(reader.message('metadata'))
        metadata.set(key, value)
        break
      }
      case 25:
        functions.push(readFunction(source, reader.message('function')))
        break
    }
  }
  if (!Number.isSafeInteger(irVersion) || irVersion < 1) throw reader.malformed(`${irVersion} is not a version of the format`)
  if (graph === undefined) throw reader.malformed('there is no graph')
  if (opsets.size === 0) {
    if (irVersion >= FIRST_IR_WITH_OPSETS) throw reader.malformed('no operator set is imported')
    opsets.set('', 1)
  }
  return { irVersion, producer, opsets, graph, functions, metadata, files }
}

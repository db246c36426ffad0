import type { FileIdentity } from '../checkpoint.ts'
import { ProtobufBytes, type ProtobufLimits } from '../protobuf/protobuf-bytes.ts'
import type { OnnxElementType } from './element-types.ts'
import type { OnnxTensor } from './model.ts'

/**
 * Hence's own limits. A body graph takes three levels; real graphs have some hundred thousand messages, tree ensembles some
 * ten million names and numbers in lists.
 */
const LIMITS: ProtobufLimits = { depth: 96, messages: 2 ** 22, strings: 2 ** 24, numbers: 2 ** 26 }

/** A tensor whose elements lie in another file. */
export interface ExternalTensor {
  /** How messages about errors call it. */
  readonly what: string
  readonly type: OnnxElementType
  readonly elements: number
  readonly byteLength: number
  readonly location: string
  readonly offset: number
  /** The tensor in the model; its `data` is still to be put in place. */
  readonly tensor: OnnxTensor
}

/** The bytes of an ONNX file, and what decoding them leaves to be done. */
export class OnnxSource extends ProtobufBytes {
  /** True when nobody else reads the bytes, so that decoding may move tensors to where they can be viewed. */
  readonly ownsBytes: boolean
  /** The file all bytes are from, where it is one: large tensors can then be read from it again. */
  readonly file: FileIdentity | undefined
  readonly external: ExternalTensor[] = []
  /** Elements that sparse initializers took once made dense. */
  denseElements = 0

  constructor(name: string, bytes: Uint8Array, ownsBytes: boolean, file?: FileIdentity) {
    super(name, bytes, LIMITS)
    this.file = file
    this.ownsBytes = ownsBytes
  }
}

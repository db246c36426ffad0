import type { ElementType, Tensor } from '../../core/index.ts'
import type { FileIdentity } from '../checkpoint.ts'

/** A tensor of a graph file: any element type. */
export type OnnxTensor = Tensor<ElementType>

/** A sparse tensor: `values` at the flat or per-axis `indices` of a dense tensor of `shape`, zero elsewhere. */
export interface OnnxSparseTensor {
  readonly values: OnnxTensor
  readonly indices: OnnxTensor
  readonly shape: readonly number[]
}

/** What a value is, as far as the file says. */
export type OnnxType =
  | { readonly kind: 'tensor'; readonly dtype: ElementType | undefined; readonly shape: readonly OnnxDim[] | undefined }
  | { readonly kind: 'sparse-tensor'; readonly dtype: ElementType | undefined; readonly shape: readonly OnnxDim[] | undefined }
  | { readonly kind: 'sequence'; readonly element: OnnxType }
  | { readonly kind: 'optional'; readonly element: OnnxType }
  | { readonly kind: 'map'; readonly key: ElementType; readonly value: OnnxType }

/** A size, the name of a size, or `undefined` where the file says nothing. */
export type OnnxDim = number | string | undefined

/** A named input, output or intermediate value. */
export interface OnnxValueInfo {
  readonly name: string
  readonly type: OnnxType | undefined
}

/**
 * An attribute of a node. Integers are numbers: those beyond 2⁵³, which only stand for "the end", lose low bits.
 * `reference` names an attribute of the enclosing function.
 */
export type OnnxAttribute =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: OnnxTensor }
  | { readonly type: 'sparse-tensor'; readonly value: OnnxSparseTensor }
  | { readonly type: 'graph'; readonly value: OnnxGraph }
  | { readonly type: 'value-type'; readonly value: OnnxType }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensors'; readonly value: readonly OnnxTensor[] }
  | { readonly type: 'graphs'; readonly value: readonly OnnxGraph[] }
  | { readonly type: 'sparse-tensors'; readonly value: readonly OnnxSparseTensor[] }
  | { readonly type: 'value-types'; readonly value: readonly OnnxType[] }
  | { readonly type: 'reference'; readonly value: string }

/** One operation. An input left out is the empty string. */
export interface OnnxNode {
  readonly name: string
  /** Operator set; the empty string is ai.onnx. */
  readonly domain: string
  readonly op: string
  /** Which of several functions of this name is meant; left out by nearly every file. */
  readonly overload?: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

/** A graph or the body of a control-flow node. */
export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  /** Those that must be given: without the ones that have an initializer. */
  readonly inputs: readonly OnnxValueInfo[]
  /** Inputs whose initializer is the value they have unless the caller gives another; absent where there are none. */
  readonly defaults?: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  /** Types of intermediate values the file happens to state. */
  readonly values: readonly OnnxValueInfo[]
  readonly initializers: ReadonlyMap<string, OnnxTensor>
}

/** An operator defined by other operators, in the model itself. */
export interface OnnxFunction {
  readonly domain: string
  readonly name: string
  /** Tells functions of one name apart. */
  readonly overload?: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Attributes a node must give, and defaults of those it may. */
  readonly attributes: readonly string[]
  readonly defaults: Readonly<Record<string, OnnxAttribute>>
  readonly nodes: readonly OnnxNode[]
  readonly opsets: ReadonlyMap<string, number>
}

/** A value in a file of its own, as inputs and answers of test cases are kept. */
export type OnnxValue =
  | OnnxTensor
  | { readonly kind: 'sequence'; readonly items: readonly OnnxValue[] }
  | { readonly kind: 'optional'; readonly value: OnnxValue | undefined }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string | bigint, OnnxValue> }

/** A checked ONNX file with its weights in memory. */
export interface OnnxModel {
  readonly irVersion: number
  readonly producer: string
  /** Version of each operator set by domain; the empty string is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>
  readonly graph: OnnxGraph
  readonly functions: readonly OnnxFunction[]
  readonly metadata: ReadonlyMap<string, string>
  /** The file and those of external data. */
  readonly files: readonly FileIdentity[]
}

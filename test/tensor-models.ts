/** Small ONNX files for tests of whoever runs them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attributeProto, graphProto, modelProto, nodeProto, tensorProto, tensorType, valueInfo } from './onnx-writer.ts'
import { bytes, int } from './protobuf-writer.ts'

/** A folder for files of a test, and a way to be rid of it. */
export function temporaryFolder(): { readonly path: string; write(name: string, content: Uint8Array | string): string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'hence-tensor-'))
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), content)
      return join(path, name)
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** An AttributeProto that holds a graph. Source: onnx.proto, field 6 and type 5. */
function graphAttribute(name: string, graph: Uint8Array): Uint8Array {
  return Buffer.concat([bytes(1, name), bytes(6, graph), int(20, 5)])
}

const F32 = 1
const I64 = 7
const STRING = 8

/** `sum = a + b` of shape [n, 3] and `product = a · w` of shape [n, 2]. */
export function twoOutputs(): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [
        nodeProto({ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }),
        nodeProto({ op: 'MatMul', inputs: ['a', 'w'], outputs: ['product'] }),
      ],
      initializers: [tensorProto({ name: 'w', code: F32, shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) })],
      inputs: [valueInfo('a', tensorType(F32, ['n', 3])), valueInfo('b', tensorType(F32, ['n', 3]))],
      outputs: [valueInfo('sum', tensorType(F32, ['n', 3])), valueInfo('product', tensorType(F32, ['n', 2]))],
    }),
  })
}

/** Its input under two names, and a weight. */
export function handingOn(): Uint8Array {
  const outputs = ['same', 'again', 'known']
  return modelProto({
    graph: graphProto({
      nodes: [
        nodeProto({ op: 'Identity', inputs: ['x'], outputs: ['same'] }),
        nodeProto({ op: 'Identity', inputs: ['same'], outputs: ['again'] }),
        nodeProto({ op: 'Identity', inputs: ['w'], outputs: ['known'] }),
      ],
      initializers: [tensorProto({ name: 'w', code: F32, shape: [2], data: Float32Array.of(5, 6) })],
      inputs: [valueInfo('x', tensorType(F32, [2]))],
      outputs: outputs.map(name => valueInfo(name, tensorType(F32, [2]))),
    }),
  })
}

/** Adds 1 to `x` as often as `times` says. */
export function countingLoop(): Uint8Array {
  const body = graphProto({
    nodes: [
      nodeProto({ op: 'Identity', inputs: ['on'], outputs: ['goesOn'] }),
      nodeProto({ op: 'Add', inputs: ['sum', 'one'], outputs: ['next'] }),
    ],
    inputs: [valueInfo('i', tensorType(I64, [])), valueInfo('on', tensorType(9, [])), valueInfo('sum', tensorType(F32, [1]))],
    outputs: [valueInfo('goesOn', tensorType(9, [])), valueInfo('next', tensorType(F32, [1]))],
  })
  return modelProto({
    graph: graphProto({
      nodes: [nodeProto({ op: 'Loop', inputs: ['times', '', 'x'], outputs: ['y'], attributes: [graphAttribute('body', body)] })],
      initializers: [tensorProto({ name: 'one', code: F32, shape: [1], data: Float32Array.of(1) })],
      inputs: [valueInfo('times', tensorType(I64, [])), valueInfo('x', tensorType(F32, [1]))],
      outputs: [valueInfo('y', tensorType(F32, [1]))],
    }),
  })
}

/** `y = (x · w + b) · s` with `w` of [width, width]: the factor becomes a part of the weight. */
export function normalizedProduct(width: number): Uint8Array {
  const row = (of: (i: number) => number): Float32Array => Float32Array.from({ length: width }, (_, i) => of(i))
  const weight = Float32Array.from({ length: width * width }, (_, i) => Math.sin(i))
  return modelProto({
    graph: graphProto({
      nodes: [
        nodeProto({ op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['sum'] }),
        nodeProto({ op: 'Mul', inputs: ['sum', 's'], outputs: ['y'] }),
      ],
      initializers: [
        tensorProto({ name: 'w', code: F32, shape: [width, width], data: weight }),
        tensorProto({ name: 'b', code: F32, shape: [width], data: row(Math.cos) }),
        tensorProto({ name: 's', code: F32, shape: [width], data: row(i => 1 + i / width) }),
      ],
      inputs: [valueInfo('x', tensorType(F32, ['n', width]))],
      outputs: [valueInfo('y', tensorType(F32, ['n', width]))],
    }),
  })
}

/** `y = x · scale`, the scale 2 unless another is given. */
export function defaultScale(): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [nodeProto({ op: 'Mul', inputs: ['x', 'scale'], outputs: ['y'] })],
      initializers: [tensorProto({ name: 'scale', code: F32, shape: [1], data: Float32Array.of(2) })],
      inputs: [valueInfo('x', tensorType(F32, ['n'])), valueInfo('scale', tensorType(F32, [1]))],
      outputs: [valueInfo('y', tensorType(F32, ['n']))],
    }),
  })
}

/** Operators that exist nowhere: one of them twice. */
export function unknownOperators(): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [
        nodeProto({ op: 'Frobnicate', inputs: ['x'], outputs: ['a'] }),
        nodeProto({ op: 'Frobnicate', inputs: ['a'], outputs: ['b'] }),
        nodeProto({ op: 'Twist', domain: 'com.example', inputs: ['b'], outputs: ['y'] }),
      ],
      inputs: [valueInfo('x', tensorType(F32, [2]))],
      outputs: [valueInfo('y', tensorType(F32, [2]))],
    }),
  })
}

/** A classifier of two numbers, as scikit-learn's converter writes it: labels and a map of probabilities for each row. */
export function linearClassifier({ isZipped = true }: { isZipped?: boolean } = {}): Uint8Array {
  const classifier = nodeProto({
    op: 'LinearClassifier',
    domain: 'ai.onnx.ml',
    inputs: ['features'],
    outputs: ['label', isZipped ? 'shares' : 'probabilities'],
    attributes: [
      attributeProto('coefficients', [1, 0, -1, 0]),
      attributeProto('intercepts', [0, 0]),
      attributeProto('classlabels_strings', ['plus', 'minus']),
      attributeProto('post_transform', 'SOFTMAX'),
    ],
  })
  const zip = nodeProto({
    op: 'ZipMap',
    domain: 'ai.onnx.ml',
    inputs: ['shares'],
    outputs: ['probabilities'],
    attributes: [attributeProto('classlabels_strings', ['plus', 'minus'])],
  })
  return modelProto({
    opsets: { '': 15, 'ai.onnx.ml': 3 },
    graph: graphProto({
      nodes: isZipped ? [classifier, zip] : [classifier],
      inputs: [valueInfo('features', tensorType(F32, [undefined, 2]))],
      outputs: [valueInfo('label', tensorType(STRING, [undefined])), valueInfo('probabilities')],
    }),
  })
}

/** `y = left + right`, each a column of its own. */
export function columnwiseSum(): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [nodeProto({ op: 'Add', inputs: ['left', 'right'], outputs: ['y'] })],
      inputs: [valueInfo('left', tensorType(F32, [undefined, 1])), valueInfo('right', tensorType(F32, [undefined, 1]))],
      outputs: [valueInfo('y', tensorType(F32, [undefined, 1]))],
    }),
  })
}

/** The mean red, green and blue of a picture as scores of three classes. */
export function meanColour(): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [
        nodeProto({ op: 'GlobalAveragePool', inputs: ['image'], outputs: ['mean'] }),
        nodeProto({ op: 'Flatten', inputs: ['mean'], outputs: ['logits'] }),
      ],
      inputs: [valueInfo('image', tensorType(F32, [1, 3, 'h', 'w']))],
      outputs: [valueInfo('logits', tensorType(F32, [1, 3]))],
    }),
  })
}

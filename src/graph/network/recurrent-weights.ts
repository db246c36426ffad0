import { type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import type { RecurrentWeights } from './layer-options.ts'

/** Gates of a recurrent operator: at each place of ONNX's order, the place in PyTorch's. */
export const GATE_ORDERS = {
  /** PyTorch: reset, update, new. ONNX: update, reset, new. */
  GRU: [1, 0, 2],
  /** PyTorch: input, forget, cell, output. ONNX: input, output, forget, cell. */
  LSTM: [0, 3, 1, 2],
} as const

/** The operands W, R and B of a recurrent operator with one direction. */
export function recurrentOperands(
  operator: keyof typeof GATE_ORDERS,
  weights: RecurrentWeights,
): { readonly hiddenSize: number; readonly w: Tensor<'f32'>; readonly r: Tensor<'f32'>; readonly b: Tensor<'f32'> | undefined } {
  const order: readonly number[] = GATE_ORDERS[operator]
  const { input, hidden, inputBias, hiddenBias } = weights
  const [rows = 0, inputSize = 0] = input.shape
  const hiddenSize = rows / order.length
  const expect = (what: string, got: Tensor<ElementType>, shape: readonly number[]): void => {
    if (got.dtype === 'f32' && got.shape.join() === shape.join()) return
    throw new HenceError(
      'TENSOR_MISMATCH',
      `${operator}: the ${what} weights must be f32 [${shape.join(', ')}], are ${got.dtype} [${got.shape.join(', ')}]`,
      { operator, what, expected: shape, got: got.shape },
    )
  }
  expect('input', input, [order.length * Math.floor(hiddenSize), inputSize])
  expect('hidden', hidden, [rows, hiddenSize])
  for (const [what, bias] of [
    ['input bias', inputBias],
    ['hidden bias', hiddenBias],
  ] as const)
    if (bias) expect(what, bias, [rows])
  const none: Tensor<ElementType> = { dtype: 'f32', shape: [rows], data: new Float32Array(rows) }
  const biases = inputBias || hiddenBias ? [inputBias ?? none, hiddenBias ?? none].map(bias => reorder(bias, order)) : undefined
  return {
    hiddenSize,
    w: { dtype: 'f32', shape: [1, rows, inputSize], data: reorder(input, order) },
    r: { dtype: 'f32', shape: [1, rows, hiddenSize], data: reorder(hidden, order) },
    b: biases && { dtype: 'f32', shape: [1, 2 * rows], data: concatenate(biases) },
  }
}

/** The gates of an f32 tensor in another order. */
function reorder(tensor: Tensor<ElementType>, order: readonly number[]): Float32Array {
  const data = tensor.data as Float32Array
  const gate = data.length / order.length
  return concatenate(order.map(from => data.subarray(from * gate, (from + 1) * gate)))
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

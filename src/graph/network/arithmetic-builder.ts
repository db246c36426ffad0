import { type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import { type OnnxAttribute, onnxElementCode } from '../../formats/index.ts'
import { GraphBuilder } from './graph-builder.ts'
import type { NetworkValue, Operand } from './network-value.ts'

/** Sizes or positions: known now, or a value of 64-bit integers that is only known when the network runs. */
export type IntegerOperand = readonly number[] | NetworkValue | Tensor<'i64'>

/** Elementwise functions, shapes, reductions and control flow. Operands broadcast as in NumPy. */
export class ArithmeticBuilder extends GraphBuilder {
  add(a: Operand, b: Operand): NetworkValue {
    return this.op('Add', [a, b])
  }

  sub(a: Operand, b: Operand): NetworkValue {
    return this.op('Sub', [a, b])
  }

  mul(a: Operand, b: Operand): NetworkValue {
    return this.op('Mul', [a, b])
  }

  div(a: Operand, b: Operand): NetworkValue {
    return this.op('Div', [a, b])
  }

  /** Products of the matrices in the last two axes. */
  matmul(a: Operand, b: Operand): NetworkValue {
    return this.op('MatMul', [a, b])
  }

  relu(x: Operand): NetworkValue {
    return this.op('Relu', [x])
  }

  leakyRelu(x: Operand, slope = 0.01): NetworkValue {
    return this.op('LeakyRelu', [x], { alpha: slope })
  }

  sigmoid(x: Operand): NetworkValue {
    return this.op('Sigmoid', [x])
  }

  tanh(x: Operand): NetworkValue {
    return this.op('Tanh', [x])
  }

  /** With the error function, or its approximation by tanh. */
  gelu(x: Operand, approximate: 'none' | 'tanh' = 'none'): NetworkValue {
    return this.op('Gelu', [x], { approximate })
  }

  /** x · sigmoid(x). */
  silu(x: Operand): NetworkValue {
    return this.mul(x, this.sigmoid(x))
  }

  hardSwish(x: Operand): NetworkValue {
    return this.op('HardSwish', [x])
  }

  /** Values below `low` become `low`, those above `high` become `high`; f32. */
  clip(x: Operand, low: number | undefined, high?: number): NetworkValue {
    return this.op('Clip', [x, low, high])
  }

  softmax(x: Operand, axis = -1): NetworkValue {
    return this.op('Softmax', [x], { axis })
  }

  logSoftmax(x: Operand, axis = -1): NetworkValue {
    return this.op('LogSoftmax', [x], { axis })
  }

  cast(x: Operand, dtype: ElementType): NetworkValue {
    return this.op('Cast', [x], { to: onnxElementCode(dtype) })
  }

  /** Means over `axes`, all by default; they stay as axes of size 1 unless told otherwise. */
  mean(x: Operand, axes?: readonly number[], keepAxes = true): NetworkValue {
    return this.op('ReduceMean', [x, axes && this.integers(axes)], { keepdims: keepAxes })
  }

  sum(x: Operand, axes?: readonly number[], keepAxes = true): NetworkValue {
    return this.op('ReduceSum', [x, axes && this.integers(axes)], { keepdims: keepAxes })
  }

  max(x: Operand, axes?: readonly number[], keepAxes = true): NetworkValue {
    return this.op('ReduceMax', [x, axes && this.integers(axes)], { keepdims: keepAxes })
  }

  /** Positions of the largest values along an axis, i64. */
  argMax(x: Operand, axis = -1, keepAxis = false): NetworkValue {
    return this.op('ArgMax', [x], { axis, keepdims: keepAxis })
  }

  concat(parts: readonly Operand[], axis: number): NetworkValue {
    return this.op('Concat', parts, { axis })
  }

  /** Parts of the given sizes along an axis. */
  split(x: Operand, sizes: readonly number[], axis: number): readonly NetworkValue[] {
    return this.op('Split', [x, this.integers(sizes)], { axis }, { outputs: sizes.length })
  }

  /** In a shape, 0 keeps the size at that position and -1 stands for what is left. */
  reshape(x: Operand, shape: IntegerOperand): NetworkValue {
    return this.op('Reshape', [x, this.integers(shape)])
  }

  /** A matrix: the axes before `axis` become the rows, the others the columns. */
  flatten(x: Operand, axis = 1): NetworkValue {
    return this.op('Flatten', [x], { axis })
  }

  /** @param order - which axis comes to each place */
  transpose(x: Operand, order: readonly number[]): NetworkValue {
    return this.op('Transpose', [x], { perm: order })
  }

  squeeze(x: Operand, axes: readonly number[]): NetworkValue {
    return this.op('Squeeze', [x, this.integers(axes)])
  }

  unsqueeze(x: Operand, axes: readonly number[]): NetworkValue {
    return this.op('Unsqueeze', [x, this.integers(axes)])
  }

  /** From `starts` up to but not including `ends` along `axes`; negative positions count from the end. */
  slice(x: Operand, starts: IntegerOperand, ends: IntegerOperand, axes: readonly number[], steps?: readonly number[]): NetworkValue {
    return this.op('Slice', [x, this.integers(starts), this.integers(ends), this.integers(axes), steps && this.integers(steps)])
  }

  /** Slices of `x` along an axis at `indices`, which are integers. */
  gather(x: Operand, indices: Operand, axis = 0): NetworkValue {
    return this.op('Gather', [x, indices], { axis })
  }

  /** @param pads - how much before every axis, then how much after every axis */
  pad(x: Operand, pads: readonly number[], value = 0): NetworkValue {
    return this.op('Pad', [x, this.integers(pads), value])
  }

  /** The shape, i64. */
  shape(x: Operand): NetworkValue {
    return this.op('Shape', [x])
  }

  /**
   * A graph inside the network, for If, Loop and Scan. It sees the values around it.
   *
   * @example
   * ```ts
   * import { network } from 'hence'
   * const net = network('choice')
   * const flag = net.input('flag', 'bool', [])
   * const x = net.input('x', 'f32', ['n'])
   * const then_branch = net.body('then', body => body.output('r', body.relu(x)))
   * const else_branch = net.body('else', body => body.output('r', body.mul(x, 2)))
   * net.output('y', net.op('If', [flag], { then_branch, else_branch }))
   * ```
   */
  body(name: string, build: (body: ArithmeticBuilder) => void): OnnxAttribute {
    const body = new ArithmeticBuilder(name, {}, this)
    build(body)
    return { type: 'graph', value: body.toGraph() }
  }

  /** 64-bit integers as an operand. */
  protected integers(values: IntegerOperand): NetworkValue | Tensor<'i64'> {
    if (!Array.isArray(values)) return values as NetworkValue | Tensor<'i64'>
    const numbers = values as readonly number[]
    for (const value of numbers)
      if (!Number.isSafeInteger(value))
        throw new HenceError('OPTION_INVALID', `a size or position must be an integer, is ${value}`, { value })
    return { dtype: 'i64', shape: [numbers.length], data: BigInt64Array.from(numbers, BigInt) }
  }
}

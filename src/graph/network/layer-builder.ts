import type { ElementType, Tensor } from '../../core/index.ts'
import { ArithmeticBuilder } from './arithmetic-builder.ts'
import {
  type AttentionOptions,
  type BatchNormWeights,
  type ConvOptions,
  type NormOptions,
  type PerAxis,
  type PoolOptions,
  perAxis,
  type RecurrentWeights,
  rankOf,
  windowAttributes,
} from './layer-options.ts'
import type { NetworkValue, Operand } from './network-value.ts'
import { recurrentOperands } from './recurrent-weights.ts'

/** The usual layers. Weights have the shapes that PyTorch gives them. */
export class LayerBuilder extends ArithmeticBuilder {
  /** @param weight - `[out, in / groups, …kernel]`, a constant */
  conv(x: Operand, weight: Tensor<ElementType>, { bias, groups, ...window }: ConvOptions = {}): NetworkValue {
    return this.op('Conv', [x, weight, bias], { ...windowAttributes('conv', rankOf('conv', weight) - 2, window), group: groups })
  }

  /** @param weight - `[in, out / groups, …kernel]`, a constant */
  convTranspose(
    x: Operand,
    weight: Tensor<ElementType>,
    { bias, groups, outputPadding, ...window }: ConvOptions & { readonly outputPadding?: PerAxis } = {},
  ): NetworkValue {
    const axes = rankOf('convTranspose', weight) - 2
    return this.op('ConvTranspose', [x, weight, bias], {
      ...windowAttributes('convTranspose', axes, window),
      group: groups,
      output_padding: outputPadding === undefined ? undefined : perAxis('convTranspose', 'output paddings', axes, outputPadding),
    })
  }

  /** x · weightᵀ + bias over the last axis. @param weight - `[out, in]` */
  linear(x: Operand, weight: Operand, bias?: Operand): NetworkValue {
    const product = this.matmul(x, this.transpose(weight, [1, 0]))
    return bias === undefined ? product : this.add(product, bias)
  }

  /** Normalizes the axis of channels, the second, by learnt statistics. */
  batchNorm(x: Operand, { scale, bias, mean, variance }: BatchNormWeights, epsilon = 1e-5): NetworkValue {
    return this.op('BatchNormalization', [x, scale, bias, mean, variance], { epsilon })
  }

  /** Normalizes the axes from `axis` on to mean 0 and variance 1. */
  layerNorm(x: Operand, scale: Operand, bias?: Operand, { axis = -1, epsilon = 1e-5 }: NormOptions = {}): NetworkValue {
    return this.op('LayerNormalization', [x, scale, bias], { axis, epsilon })
  }

  /** Divides the axes from `axis` on by their root mean square. */
  rmsNorm(x: Operand, scale: Operand, { axis = -1, epsilon = 1e-5 }: NormOptions = {}): NetworkValue {
    return this.op('RMSNormalization', [x, scale], { axis, epsilon })
  }

  /** Normalizes groups of channels. */
  groupNorm(x: Operand, scale: Operand, bias: Operand, groups: number, epsilon = 1e-5): NetworkValue {
    return this.op('GroupNormalization', [x, scale, bias], { num_groups: groups, epsilon })
  }

  /** @param kernel - window sizes of the spatial axes */
  maxPool(x: Operand, kernel: readonly number[], { ceil, ...window }: PoolOptions = {}): NetworkValue {
    const attributes = windowAttributes('maxPool', kernel.length, window)
    return this.op('MaxPool', [x], { kernel_shape: kernel, ceil_mode: ceil, ...attributes })
  }

  /** @param options - `countsPads`: the mean is over the zeros around the input too */
  averagePool(
    x: Operand,
    kernel: readonly number[],
    { ceil, countsPads, ...window }: PoolOptions & { readonly countsPads?: boolean } = {},
  ): NetworkValue {
    const attributes = windowAttributes('averagePool', kernel.length, window)
    return this.op('AveragePool', [x], { kernel_shape: kernel, ceil_mode: ceil, count_include_pad: countsPads, ...attributes })
  }

  /** The mean of every channel; the spatial axes stay with size 1. */
  globalAveragePool(x: Operand): NetworkValue {
    return this.op('GlobalAveragePool', [x])
  }

  /** Multiplies sizes: one factor for each axis, channels and batch included. */
  resize(x: Operand, factors: readonly number[], mode: 'nearest' | 'linear' | 'cubic' = 'nearest'): NetworkValue {
    const scales: Tensor<'f32'> = { dtype: 'f32', shape: [factors.length], data: Float32Array.from(factors) }
    const asymmetric = { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
    return this.op('Resize', [x, undefined, scales], { mode, ...(mode === 'nearest' ? asymmetric : {}) })
  }

  /** Rows of a table. @param ids - i32 or i64 */
  embedding(ids: Operand, table: Operand): NetworkValue {
    return this.gather(table, ids)
  }

  /**
   * A gated recurrent unit as PyTorch defines it.
   *
   * @param x - `[time, batch, input]`
   * @param state - `[batch, hidden]`; zeros when left out
   * @returns `sequence`: `[time, batch, hidden]`, `state`: the last one, `[batch, hidden]`
   */
  gru(x: Operand, weights: RecurrentWeights, state?: NetworkValue): { readonly sequence: NetworkValue; readonly state: NetworkValue } {
    const { hiddenSize, w, r, b } = recurrentOperands('GRU', weights)
    const [y, last] = this.op(
      'GRU',
      [x, w, r, b, undefined, state && this.unsqueeze(state, [0])],
      { hidden_size: hiddenSize, linear_before_reset: true },
      { outputs: 2 },
    )
    return { sequence: this.squeeze(y, [1]), state: this.squeeze(last, [0]) }
  }

  /**
   * A long short-term memory as PyTorch defines it.
   *
   * @param x - `[time, batch, input]`
   * @param state - hidden state and cell, `[batch, hidden]` each; zeros when left out
   * @returns `sequence`: `[time, batch, hidden]`, `state`: the last one
   */
  lstm(
    x: Operand,
    weights: RecurrentWeights,
    state?: readonly [NetworkValue, NetworkValue],
  ): { readonly sequence: NetworkValue; readonly state: readonly [NetworkValue, NetworkValue] } {
    const { hiddenSize, w, r, b } = recurrentOperands('LSTM', weights)
    const initial = state?.map(part => this.unsqueeze(part, [0])) ?? []
    const [y, hidden, cell] = this.op('LSTM', [x, w, r, b, undefined, ...initial], { hidden_size: hiddenSize }, { outputs: 3 })
    return { sequence: this.squeeze(y, [1]), state: [this.squeeze(hidden, [0]), this.squeeze(cell, [0])] }
  }

  /**
   * Attention of several heads, by parts.
   *
   * @param query - `[batch, queries, heads · headSize]`; key and value alike, with as many rows as there are keys
   */
  attention(query: Operand, key: Operand, value: Operand, { heads, headSize, mask }: AttentionOptions): NetworkValue {
    const divided = (x: Operand, order: readonly number[]): NetworkValue => this.transpose(this.reshape(x, [0, 0, heads, headSize]), order)
    const products = this.matmul(divided(query, [0, 2, 1, 3]), divided(key, [0, 2, 3, 1]))
    const scores = this.mul(products, 1 / Math.sqrt(headSize))
    const weights = this.softmax(mask === undefined ? scores : this.add(scores, mask))
    const result = this.matmul(weights, divided(value, [0, 2, 1, 3]))
    return this.reshape(this.transpose(result, [0, 2, 1, 3]), [0, 0, heads * headSize])
  }
}

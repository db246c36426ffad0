import type { Backend, Precision } from '../../backends/index.ts'
import type { Checkpoint } from '../../formats/index.ts'
import { type Activation, boundDim, ProgramBuilder } from '../../program/index.ts'
import { checkTensors } from '../check-tensors.ts'
import { numbersOf, Turns } from './tower.ts'

/** One linear layer of a checkpoint of its own: `activation(weight · x + bias)`. */
export interface DenseLayer {
  readonly checkpoint: Checkpoint
  readonly weight: string
  /** undefined where there is none */
  readonly bias: string | undefined
  readonly inSize: number
  readonly outSize: number
  readonly activation: Activation
}

/** Rows of one run at most. */
const STEP_ROWS = 256

/** A linear layer ready to run on rows. */
export class DenseRows {
  readonly outSize: number
  readonly #inSize: number
  readonly #turns: Turns

  private constructor({ inSize, outSize }: DenseLayer, turns: Turns) {
    this.outSize = outSize
    this.#inSize = inSize
    this.#turns = turns
  }

  /** @throws HenceError `TENSOR_MISSING`, `TENSOR_MISMATCH` */
  static async compile(layer: DenseLayer, backend: Backend, precision: Precision): Promise<DenseRows> {
    const { checkpoint, weight, bias, inSize, outSize, activation } = layer
    const b = new ProgramBuilder('dense')
    const x = b.input('x', 'f32', [boundDim('L'), inSize])
    const operands = [
      b.weight({ tensor: weight }, [outSize, inSize]),
      bias === undefined ? undefined : b.weight({ tensor: bias }, [outSize]),
    ]
    b.output('y', b.op('matmul', 'y', [x, undefined, undefined, ...operands], { activation }))
    const program = b.build()
    checkTensors(program, checkpoint)
    return new DenseRows(layer, new Turns(await backend.compile(program, checkpoint, { precision, limits: { L: STEP_ROWS } })))
  }

  /** x `[rows, inSize]` → `[rows, outSize]`. */
  async run(x: Float32Array, signal?: AbortSignal): Promise<Float32Array> {
    const rows = x.length / this.#inSize
    const y = new Float32Array(rows * this.outSize)
    for (let at = 0; at < rows; at += STEP_ROWS) {
      const L = Math.min(STEP_ROWS, rows - at)
      const part = x.subarray(at * this.#inSize, (at + L) * this.#inSize)
      await this.#turns.run({ x: part }, { L }, outputs => y.set(numbersOf(outputs, 'y'), at * this.outSize), { signal })
    }
    return y
  }

  dispose(): void {
    this.#turns.dispose()
  }
}

import { type Dim, formatDim, type Program, productDim } from '../../program/index.ts'

/** A part of a step's work: how much per one of a dim. */
export interface Work {
  readonly count: Dim
  readonly multiplyAdds: number
}

/** What one element of the result costs, as multiply-adds that take as long. */
const COSTS: Readonly<Record<string, number>> = {
  map: 30,
  copy: 40,
  take: 40,
  softmax: 60,
  resize: 60,
  cumulative: 60,
  group_norm: 60,
  selective_scan: 300,
  causal_conv: 30,
  scatter_add: 15,
}

/** Keys that a query of an encoder is taken to meet. */
const LIKELY_KEYS = 64

/** The same for a row's walk through a tree. */
const WORK_PER_TREE = 500

/** Roughly the work of a program: enough to tell whether sharing a step among threads pays. */
export function workOf({ instructions, buffers }: Program): readonly Work[] {
  const work = new Map<string, Work>()
  const add = (count: Dim, multiplyAdds: number): void => {
    const key = formatDim(count)
    work.set(key, { count, multiplyAdds: (work.get(key)?.multiplyAdds ?? 0) + multiplyAdds })
  }
  for (const { op, inputs, outputs } of instructions) {
    const input = buffers[inputs[0] ?? -1]?.shape ?? []
    const output = buffers[outputs[0] ?? -1]?.shape ?? []
    if (op === 'conv_transpose') {
      const taps = productDim(...buffers[inputs[1]!]!.shape) as number
      add(productDim(...input.slice(0, -1)), taps)
    } else if (op === 'matmul' || op === 'conv') {
      // Of a convolution, the sizes of a filter; the first operand of a matmul has its inner size last.
      const k = op === 'conv' ? buffers[inputs[1]!]!.shape.slice(1) : [input[1]!]
      const columns = outputs.reduce((sum, id) => sum + (buffers[id]!.shape.at(-1) as number), 0)
      add(productDim(...output.slice(0, -1)), (productDim(...k) as number) * columns)
    } else if (op === 'quantised_matmul' || op === 'quantised_conv') {
      // Four products of bytes take as long as one of f32.
      add(productDim(...output.slice(0, -1)), (productDim(...buffers[inputs[3]!]!.shape) as number) / 4)
    } else if (op === 'batched_matmul') add(productDim(...output, input.at(-1)!), 1)
    else if (op === 'dense_attention') add(productDim(...output, buffers[inputs[1]!]!.shape.at(-2)!), 2)
    // How many keys a query meets is known only to the tables.
    else if (op === 'ragged_attention') add(productDim(...output), 2 * LIKELY_KEYS)
    else if (op === 'recurrent') add(productDim(...input.slice(0, 2)), productDim(...buffers[inputs[1]!]!.shape) as number)
    else if (op === 'tree_ensemble') add(input[0]!, (buffers[inputs[2]!]!.shape[0] as number) * WORK_PER_TREE)
    else if (op === 'reduce' || op === 'extreme' || op === 'top_k') add(productDim(...input), 15)
    else if (COSTS[op]) add(productDim(...output), COSTS[op])
  }
  return [...work.values()]
}

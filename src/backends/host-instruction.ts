import type { Tensor } from '../core/index.ts'
import { type Buffer, type DimValues, type Instruction, opOf, type Program, resolveDim } from '../program/index.ts'

/**
 * Runs one instruction by the definition of its op. Produced dims get their bound before the op runs, so that its outputs
 * have a size, and their value after.
 *
 * @param values - values of dims so far; produced ones are written here
 * @param limits - what the bound of a produced dim is computed from besides `values`
 * @param tensorOf - the memory of a buffer under `values`
 */
export function runOnHost(
  { buffers }: Program,
  { op, inputs, outputs, attributes }: Instruction,
  values: Record<string, number>,
  limits: DimValues,
  tensorOf: (buffer: Buffer) => Tensor,
): void {
  for (const id of outputs)
    for (const dim of buffers[id]!.shape)
      if (typeof dim === 'object' && dim.kind === 'produced') values[dim.name] ??= resolveDim(dim.bound, { ...limits, ...values })
  opOf(op).run({
    inputs: inputs.map(id => (id === null ? undefined : tensorOf(buffers[id]!))),
    outputs: outputs.map(id => tensorOf(buffers[id]!)),
    attributes,
    produce: (name, value) => {
      values[name] = value
    },
    resolve: dim => resolveDim(dim, { ...limits, ...values }),
  })
}

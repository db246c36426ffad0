import type { Buffer } from './buffer.ts'
import { formatShape } from './dims.ts'
import type { Instruction, Program } from './program.ts'

/** A program as text, one instruction a line: `%12 q f32[T, 64] = rope(%8 q, %3 table) { headDim: 16 }`. */
export function printProgram(program: Program): string {
  const typed = (b: Buffer): string => `%${b.id} ${b.name} ${b.dtype}${formatShape(b.shape)}`
  const lines = [`program ${program.name}`]
  for (const role of ['input', 'state', 'constant', 'weight'] as const)
    for (const buffer of program.buffers.filter(b => b.role === role)) lines.push(`  ${role} ${typed(buffer)}`)
  for (const instruction of program.instructions) lines.push(`  ${printInstruction(program, instruction)}`)
  for (const buffer of program.buffers.filter(b => b.role === 'output')) lines.push(`  output ${typed(buffer)}`)
  return `${lines.join('\n')}\n`
}

/** One instruction as in {@link printProgram}. */
export function printInstruction(program: Program, { op, inputs, outputs, attributes }: Instruction): string {
  const named = (id: number | null): string => {
    if (id === null) return '-'
    const { viewOf, name, shape } = program.buffers[id]!
    return viewOf === undefined ? `%${id} ${name}` : `%${viewOf} ${name} as ${formatShape(shape)}`
  }
  const results = outputs.map(id => {
    const b = program.buffers[id]!
    return `${named(id)} ${b.dtype}${formatShape(b.shape)}`
  })
  const settings = Object.entries(attributes).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
  const left = results.length > 0 ? `${results.join(', ')} = ` : ''
  return `${left}${op}(${inputs.map(named).join(', ')})${settings.length > 0 ? ` { ${settings.join(', ')} }` : ''}`
}

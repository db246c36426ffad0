import { HenceError } from '../../../core/index.ts'
import type { OperatorCall } from '../../operator.ts'
import { showShape } from '../support/index.ts'

/** An equation with its ellipses written out: labels are letters, `.0` `.1` ... stand for broadcast axes. */
export interface EinsumEquation {
  /** Labels of the axes of each operand. */
  readonly operands: readonly (readonly string[])[]
  readonly output: readonly string[]
  /** Size of every label. */
  readonly sizes: ReadonlyMap<string, number>
}

/**
 * Reads an equation for operands of the given shapes.
 *
 * @throws HenceError `GRAPH_INVALID` for an equation that is none, `SHAPE_MISMATCH` where it does not fit the shapes
 */
export function parseEinsum(call: OperatorCall, equation: string, shapes: readonly (readonly number[])[]): EinsumEquation {
  const invalid = (why: string): HenceError =>
    new HenceError('GRAPH_INVALID', `${call.node}: equation "${equation}" ${why}`, { node: call.node, equation })
  const [left = '', right, ...rest] = equation.replaceAll(' ', '').split('->')
  if (rest.length > 0) throw invalid('has two arrows')
  const terms = left.split(',')
  if (terms.length !== shapes.length) throw invalid(`has ${terms.length} terms for ${shapes.length} inputs`)
  const ellipsisRank = Math.max(0, ...terms.map((term, at) => (term.includes('...') ? shapes[at]!.length - (term.length - 3) : 0)))
  const operands = terms.map((term, at) => {
    const rank = shapes[at]!.length
    const own = term.includes('...') ? rank - (term.length - 3) : 0
    const labels = labelsOf(term, Math.max(own, 0), ellipsisRank)
    if (!labels) throw invalid(`has the malformed term "${term}"`)
    if (labels.length !== rank) throw mismatch(call, equation, `term "${term}" does not fit the shape ${showShape(shapes[at]!)}`)
    return labels
  })
  const sizes = sizesOf(call, equation, operands, shapes)
  const output = right === undefined ? implicitOutput(terms, ellipsisRank) : labelsOf(right, ellipsisRank, ellipsisRank)
  if (!output) throw invalid(`has the malformed output "${right}"`)
  if (new Set(output).size !== output.length) throw invalid('repeats a label in its output')
  for (const label of output) if (!sizes.has(label)) throw invalid(`has the output label "${label}", which no input has`)
  return { operands, output, sizes }
}

/** The labels of a term; its ellipsis takes the last `own` of `rank` broadcast axes. `undefined` when malformed. */
function labelsOf(term: string, own: number, rank: number): string[] | undefined {
  const match = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/.exec(term)
  if (!match) return undefined
  const broadcast = match[2] ? Array.from({ length: own }, (_, at) => `.${rank - own + at}`) : []
  return [...match[1]!, ...broadcast, ...match[3]!]
}

/** Without an arrow: broadcast axes, then the labels that occur once, in the order of their code points. */
function implicitOutput(terms: readonly string[], ellipsisRank: number): string[] {
  const letters = [...terms.join('')].filter(letter => letter !== '.')
  const once = letters.filter(letter => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort()
  return [...Array.from({ length: ellipsisRank }, (_, at) => `.${at}`), ...once]
}

function sizesOf(
  call: OperatorCall,
  equation: string,
  operands: readonly (readonly string[])[],
  shapes: readonly (readonly number[])[],
): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const [at, labels] of operands.entries())
    for (const [axis, label] of labels.entries()) {
      const size = shapes[at]![axis]!
      const known = sizes.get(label) ?? 1
      if (known !== size && known !== 1 && size !== 1) throw mismatch(call, equation, `label "${label}" has the sizes ${known} and ${size}`)
      sizes.set(label, known === 1 ? size : known)
    }
  return sizes
}

function mismatch(call: OperatorCall, equation: string, why: string): HenceError {
  return new HenceError('SHAPE_MISMATCH', `${call.node}: in "${equation}" ${why}`, { node: call.node, equation })
}

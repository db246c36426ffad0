import type { OnnxAttribute } from '../formats/index.ts'
import type { Graph, GraphNode } from './graph.ts'

/** Elements of a list that are printed. */
const MOST_ELEMENTS = 8

/** A graph as text: what it takes, a line for each node in the order they run, what it gives. Known operands show their type. */
export function printGraph(graph: Graph): string {
  const inputs = graph.inputs.map(({ name, type }) => {
    const shape = type?.kind === 'tensor' ? type.shape?.map(size => size ?? '?').join(', ') : undefined
    const text = type?.kind === 'tensor' ? `${type.dtype ?? '?'}[${shape ?? '?'}]` : (type?.kind ?? '?')
    return `  input ${name} ${text}\n`
  })
  const outputs = graph.outputs.map(name => `  output ${name}\n`)
  return [`graph ${graph.name}\n`, ...inputs, ...graph.nodes.map(node => `  ${printNode(node, graph)}\n`), ...outputs].join('')
}

function printNode({ name, domain, op, inputs, outputs, attributes }: GraphNode, { constants }: Graph): string {
  const operands = inputs.map(input => {
    const known = constants.get(input)
    return input === '' ? '-' : known ? `${input}:${known.dtype}[${known.shape.join(', ')}]` : input
  })
  const settings = Object.entries(attributes).map(([key, attribute]) => `${key}: ${printAttribute(attribute)}`)
  const call = `${domain === '' ? op : `${domain}.${op}`}(${operands.join(', ')})`
  return `${outputs.map(output => output || '-').join(', ')} = ${call}${settings.length > 0 ? ` { ${settings.join(', ')} }` : ''} "${name}"`
}

function printAttribute({ type, value }: OnnxAttribute): string {
  switch (type) {
    case 'int':
    case 'float':
    case 'string':
      return JSON.stringify(value)
    case 'ints':
    case 'floats':
    case 'strings': {
      const shown = value.slice(0, MOST_ELEMENTS).map(element => JSON.stringify(element))
      return `[${[...shown, ...(value.length > MOST_ELEMENTS ? [`… ${value.length - MOST_ELEMENTS} more`] : [])].join(', ')}]`
    }
    case 'tensor':
      return `${value.dtype}[${value.shape.join(', ')}]`
    case 'graph':
      return `a graph of ${value.nodes.length} node${value.nodes.length === 1 ? '' : 's'}`
    default:
      return type
  }
}

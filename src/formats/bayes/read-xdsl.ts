import { type DiscreteNetworkDescription, type DiscreteVariableDescription, HenceError } from '../../core/index.ts'
import { CellBudget } from './cell-budget.ts'
import { readNumbers } from './read-numbers.ts'
import { childOf, childrenOf, readXml, type XmlElement } from './xml.ts'

/**
 * Reads the chance nodes of GeNIe's XDSL: `cpt`, `deterministic` and `noisymax`.
 *
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`, `FORMAT_UNSUPPORTED` for decisions, utilities, equations and submodels of them
 */
export function readXdsl(text: string, where: string): DiscreteNetworkDescription {
  const root = readXml(text, where)
  const nodes = root.name === 'smile' ? childOf(root, 'nodes') : undefined
  if (!nodes) throw new HenceError('FILE_MALFORMED', `${where}: expected <smile> with <nodes> in it`, { where })
  const cards = new Map<string, number>()
  for (const node of nodes.children) cards.set(node.attributes.get('id') ?? '', childrenOf(node, 'state').length)
  const budget = new CellBudget(where, text.length)
  return {
    name: root.attributes.get('id') ?? '',
    variables: nodes.children.map(node => readNode(node, cards, budget, where)),
  }
}

function readNode(node: XmlElement, cards: ReadonlyMap<string, number>, budget: CellBudget, where: string): DiscreteVariableDescription {
  const name = node.attributes.get('id') ?? ''
  const states = childrenOf(node, 'state').map(state => state.attributes.get('id') ?? '')
  const parents = (childOf(node, 'parents')?.text ?? '').split(/\s+/).filter(parent => parent !== '')
  const malformed = (message: string): HenceError =>
    new HenceError('FILE_MALFORMED', `${where}: ${name} ${message}`, { where, variable: name })
  const sizes = parents.map(parent => {
    const card = cards.get(parent)
    if (card === undefined) throw malformed(`has the parent ${parent}, which is no node of the file`)
    return card
  })
  switch (node.name) {
    case 'cpt':
      return { name, states, parents, table: readNumbers(childOf(node, 'probabilities')?.text ?? '', where, `the table of ${name}`) }
    case 'deterministic': {
      const results = (childOf(node, 'resultingstates')?.text ?? '').split(/\s+/).filter(state => state !== '')
      const rows = sizes.reduce((product, card) => product * card, 1)
      if (results.length !== rows) throw malformed(`has ${results.length} resulting states instead of ${rows}`)
      const table = budget.allocate(name, rows, states.length)
      for (const [row, result] of results.entries()) {
        const state = states.indexOf(result)
        if (state < 0) throw malformed(`results in ${result}, which is none of its states`)
        table[row * states.length + state] = 1
      }
      return { name, states, parents, table }
    }
    case 'noisymax':
      return { name, states, parents, noisyMax: readNoisyMax(node, name, states.length, sizes, where, malformed) }
    default:
      throw new HenceError('FORMAT_UNSUPPORTED', `${where}: ${name} is a ${node.name} node; Hence reads cpt, deterministic and noisymax`, {
        where,
        variable: name,
        type: node.name,
      })
  }
}

/** Parameters list, for every parent, its states by strength, the last without effect; after all parents the leak. */
function readNoisyMax(
  node: XmlElement,
  name: string,
  width: number,
  sizes: readonly number[],
  where: string,
  malformed: (message: string) => HenceError,
): NonNullable<DiscreteVariableDescription['noisyMax']> {
  const parameters = readNumbers(childOf(node, 'parameters')?.text ?? '', where, `the parameters of ${name}`)
  const strengths = readNumbers(childOf(node, 'strengths')?.text ?? '', where, `the strengths of ${name}`)
  const columns = sizes.reduce((sum, card) => sum + card, 0)
  if (parameters.length !== (columns + 1) * width)
    throw malformed(`has ${parameters.length} parameters instead of ${(columns + 1) * width}`)
  if (strengths.length !== columns) throw malformed(`has ${strengths.length} strengths instead of ${columns}`)
  let column = 0
  const tables = sizes.map(card => {
    const table = new Float64Array(card * width)
    for (let k = 0; k < card; k++, column++) {
      const state = strengths[column]!
      if (!(Number.isInteger(state) && state >= 0 && state < card))
        throw malformed(`has the strength ${state} for a parent with ${card} states`)
      table.set(parameters.subarray(column * width, (column + 1) * width), state * width)
    }
    return table
  })
  return { tables, leak: parameters.slice(columns * width) }
}

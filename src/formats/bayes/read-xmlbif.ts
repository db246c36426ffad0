import { type DiscreteNetworkDescription, type DiscreteVariableDescription, HenceError } from '../../core/index.ts'
import { readNumbers } from './read-numbers.ts'
import { hasRowSums, turnTable } from './table-order.ts'
import { childOf, childrenOf, readXml, type XmlElement } from './xml.ts'

/**
 * Reads XMLBIF. A table lists the states of its own variable fastest, as the format says; where only the other order gives rows
 * that sum to 1, that one.
 *
 * Source: The Interchange Format for Bayesian Networks in XML, version 0.3.
 *
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`, `FORMAT_UNSUPPORTED` for decisions and utilities
 */
export function readXmlBif(text: string, where: string): DiscreteNetworkDescription {
  const root = readXml(text, where)
  const network = root.name.toUpperCase() === 'BIF' ? childOf(root, 'NETWORK') : undefined
  const malformed = (message: string): HenceError => new HenceError('FILE_MALFORMED', `${where}: ${message}`, { where })
  if (!network) throw malformed('expected <BIF> with a <NETWORK> in it')
  const definitions = new Map<string, XmlElement>()
  for (const definition of [...childrenOf(network, 'DEFINITION'), ...childrenOf(network, 'PROBABILITY')]) {
    const name = childOf(definition, 'FOR')?.text.trim() ?? ''
    if (definitions.has(name)) throw malformed(`${name} is defined twice`)
    definitions.set(name, definition)
  }
  const variables = childrenOf(network, 'VARIABLE').map((variable): DiscreteVariableDescription => {
    const name = childOf(variable, 'NAME')?.text.trim() ?? ''
    const type = variable.attributes.get('TYPE') ?? 'nature'
    if (type !== 'nature')
      throw new HenceError('FORMAT_UNSUPPORTED', `${where}: ${name} is a ${type} node; Hence reads chance nodes`, { where, name, type })
    const states = [...childrenOf(variable, 'OUTCOME'), ...childrenOf(variable, 'VALUE')].map(state => state.text.trim())
    const definition = definitions.get(name)
    const table = definition && childOf(definition, 'TABLE')
    if (!definition || !table) throw malformed(`${name} has no table`)
    const values = readNumbers(table.text, where, `the table of ${name}`)
    const width = states.length
    const isTurned = !hasRowSums(values, width) && values.length % width === 0 && hasRowSums(turnTable(values, width), width)
    return {
      name,
      states,
      parents: childrenOf(definition, 'GIVEN').map(parent => parent.text.trim()),
      table: isTurned ? turnTable(values, width) : values,
    }
  })
  return { name: childOf(network, 'NAME')?.text.trim() ?? '', variables }
}

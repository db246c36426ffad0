import { type DiscreteNetworkDescription, type DiscreteVariableDescription, HenceError } from '../../core/index.ts'
import { isJsonObject, parseJsonObject } from '../bounded-json.ts'

/** What `format` says in a network file of Hence's own. */
export const NETWORK_JSON_FORMAT = 'hence-network'

/**
 * Reads Hence's own JSON: `{ format: 'hence-network', version: 1, name, variables: [{ name, states, parents, table }] }`.
 *
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`, `FORMAT_UNSUPPORTED` for another version
 */
export function readNetworkJson(bytes: Uint8Array, where: string): DiscreteNetworkDescription {
  const { format, version, name = '', variables } = parseJsonObject(bytes, where)
  const malformed = (message: string): HenceError => new HenceError('FILE_MALFORMED', `${where}: ${message}`, { where })
  if (format !== NETWORK_JSON_FORMAT) throw malformed(`"format" is not "${NETWORK_JSON_FORMAT}"`)
  if (version !== 1) throw new HenceError('FORMAT_UNSUPPORTED', `${where}: version ${JSON.stringify(version)} is not 1`, { where, version })
  if (typeof name !== 'string' || !Array.isArray(variables)) throw malformed('"name" or "variables" is missing')
  return {
    name,
    variables: variables.map((variable: unknown, i): DiscreteVariableDescription => {
      if (!isJsonObject(variable)) throw malformed(`variable ${i} is not an object`)
      const { name, states, parents = [], table, noisyMax } = variable
      if (typeof name !== 'string' || !isList(states, 'string') || !isList(parents, 'string'))
        throw malformed(`variable ${i} needs a "name", "states" and "parents" of texts`)
      if (noisyMax === undefined) {
        if (!isList(table, 'number')) throw malformed(`the table of ${name} is not a list of numbers`)
        return { name, states, parents, table }
      }
      const { tables, leak } = isJsonObject(noisyMax) ? noisyMax : {}
      if (!Array.isArray(tables) || !tables.every(entry => isList(entry, 'number')) || (leak !== undefined && !isList(leak, 'number')))
        throw malformed(`noisyMax of ${name} needs "tables", a list of numbers for each parent, and perhaps a "leak"`)
      return { name, states, parents, noisyMax: { tables, leak } }
    }),
  }
}

/** A network as Hence's own JSON. */
export function writeNetworkJson({ name, variables }: DiscreteNetworkDescription): string {
  const lines = variables.map(({ name, states, parents = [], table, noisyMax }) =>
    JSON.stringify({
      name,
      states,
      parents,
      ...(table ? { table: Array.from(table) } : {}),
      ...(noisyMax
        ? {
            noisyMax: {
              tables: noisyMax.tables.map(entry => Array.from(entry)),
              ...(noisyMax.leak ? { leak: Array.from(noisyMax.leak) } : {}),
            },
          }
        : {}),
    }),
  )
  return `{\n"format": "${NETWORK_JSON_FORMAT}",\n"version": 1,\n"name": ${JSON.stringify(name)},\n"variables": [\n${lines.join(',\n')}\n]\n}\n`
}

function isList<T extends 'string' | 'number'>(value: unknown, type: T): value is (T extends 'string' ? string : number)[] {
  return Array.isArray(value) && value.every(entry => typeof entry === type)
}

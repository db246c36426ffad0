import { type DiscreteNetworkDescription, type DiscreteVariableDescription, HenceError } from '../../core/index.ts'
import { TextScanner } from './text-scanner.ts'

/** Hence's own limits. */
const MAX_VARIABLES = 200_000
const MAX_STATES = 65_536

/**
 * Reads a Bayesian network of the UAI competitions. Variables are named `v0`, `v1`…, their states `0`, `1`…
 *
 * Source: UAI 2008 and later inference competitions, file formats.
 *
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`, `FORMAT_UNSUPPORTED` for Markov networks
 */
export function readUai(text: string, where: string): DiscreteNetworkDescription {
  const scanner = new TextScanner(text, where)
  const type = scanner.word('the type of the network')
  if (type === 'MARKOV')
    throw new HenceError('FORMAT_UNSUPPORTED', `${where} is a Markov network; Hence reads the Bayesian networks of this format`, {
      where,
      hint: 'Convert it to a Bayesian network.',
    })
  if (type !== 'BAYES') throw scanner.fault('expected BAYES')
  const count = readCount(scanner, 'the number of variables', MAX_VARIABLES)
  const cards = Array.from({ length: bounded(scanner, count) }, (_, v) => readCount(scanner, `the number of states of v${v}`, MAX_STATES))
  const factors = readCount(scanner, 'the number of tables', count)
  if (factors !== count) throw scanner.fault(`a Bayesian network of ${count} variables has as many tables, not ${factors}`)
  const scopes = Array.from({ length: count }, (_, i) => {
    const size = readCount(scanner, `the number of variables of table ${i}`, count)
    return Array.from({ length: bounded(scanner, size) }, () => readCount(scanner, `a variable of table ${i}`, count - 1))
  })
  const described = new Map<number, DiscreteVariableDescription>()
  for (const [i, scope] of scopes.entries()) {
    // The variable itself comes last, after its parents.
    const own = scope.at(-1)
    if (own === undefined || described.has(own)) throw scanner.fault(`table ${i} is not that of a variable of its own`)
    const cells = scope.reduce((product, variable) => product * cards[variable]!, 1)
    const given = readCount(scanner, `the number of entries of table ${i}`, Number.MAX_SAFE_INTEGER)
    if (given !== cells) throw scanner.fault(`table ${i} has ${given} entries instead of ${cells}`)
    const table = new Float64Array(bounded(scanner, cells))
    for (let k = 0; k < cells; k++) table[k] = scanner.number(`entry ${k} of table ${i}`)
    described.set(own, {
      name: `v${own}`,
      states: Array.from({ length: cards[own]! }, (_, s) => String(s)),
      parents: scope.slice(0, -1).map(parent => `v${parent}`),
      table,
    })
  }
  return { name: '', variables: [...described].sort(([a], [b]) => a - b).map(([, variable]) => variable) }
}

/**
 * Reads a UAI evidence file: pairs of a variable and a state, after their number; of several samples the first.
 *
 * @returns state by variable, named as `openNetwork` does
 */
export function readUaiEvidence(text: string, where: string): Record<string, number> {
  const scanner = new TextScanner(text, where)
  const numbers: number[] = []
  while (scanner.skip()) numbers.push(readCount(scanner, 'a number', Number.MAX_SAFE_INTEGER))
  // Older files begin with the number of samples, each a list of its own.
  const begin = numbers.length === 1 + 2 * (numbers[0] ?? 0) ? 0 : 1
  let end = begin
  for (let sample = 0; sample < (begin === 0 ? 1 : numbers[0]!) && end < numbers.length; sample++) end += 1 + 2 * numbers[end]!
  if (numbers.length === 0 || end !== numbers.length)
    throw scanner.fault('expected a number of findings, and a variable and a state for each')
  const count = numbers[begin] ?? 0
  const rest = numbers.slice(begin + 1)
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`v${rest[2 * i]}`, rest[2 * i + 1]!]))
}

function readCount(scanner: TextScanner, what: string, max: number): number {
  const value = scanner.number(what)
  if (!Number.isInteger(value) || value < 0) throw scanner.fault(`${what} is ${value}`)
  if (value > max) throw scanner.fault(`${what} is ${value}, more than ${max}`)
  return value
}

/** A length that what is left of the file can account for: two characters for each entry. */
function bounded(scanner: TextScanner, length: number): number {
  if (length * 2 > scanner.text.length - scanner.at + 2) throw scanner.fault(`${length} entries do not fit into the rest of the file`)
  return length
}

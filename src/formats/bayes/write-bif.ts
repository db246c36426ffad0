import { type DiscreteNetworkDescription, HenceError } from '../../core/index.ts'

/** Characters that a name in BIF cannot have without quotes. */
const NEEDS_QUOTES = /[\s(){}[\],;|"]/

/** A network as BIF, probabilities with all their digits. @throws HenceError `FORMAT_UNSUPPORTED` for names with quotes, and for noisy-max */
export function writeBif({ name, variables }: DiscreteNetworkDescription): string {
  const states = new Map(variables.map(variable => [variable.name, variable.states]))
  const blocks = variables.map(variable => {
    const names = variable.states.map(quoted).join(', ')
    return `variable ${quoted(variable.name)} {\n  type discrete [ ${variable.states.length} ] { ${names} };\n}\n`
  })
  for (const { name, states: own, parents = [], table } of variables) {
    if (!table) throw new HenceError('FORMAT_UNSUPPORTED', `BIF has no noisy-max, and ${name} is one`, { variable: name })
    const rows: string[] = []
    for (let row = 0; row * own.length < table.length; row++) {
      const values = Array.from(own, (_, s) => table[row * own.length + s]!).join(', ')
      if (parents.length === 0) rows.push(`  table ${values};\n`)
      else {
        let rest = row
        const given = parents.toReversed().map(parent => {
          const list = states.get(parent)!
          const state = list[rest % list.length]!
          rest = Math.floor(rest / list.length)
          return quoted(state)
        })
        rows.push(`  (${given.reverse().join(', ')}) ${values};\n`)
      }
    }
    const head = parents.length === 0 ? quoted(name) : `${quoted(name)} | ${parents.map(quoted).join(', ')}`
    blocks.push(`probability ( ${head} ) {\n${rows.join('')}}\n`)
  }
  return `network ${quoted(name === '' ? 'unknown' : name)} {\n}\n${blocks.join('')}`
}

function quoted(name: string): string {
  if (name.includes('"')) throw new HenceError('FORMAT_UNSUPPORTED', `BIF cannot write the name ${name}`, { name })
  return name === '' || NEEDS_QUOTES.test(name) ? `"${name}"` : name
}

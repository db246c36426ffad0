import { readFileSync } from 'node:fs'
import { readBif } from '../../../src/formats/bayes/read-bif.ts'
import { type BayesianNetwork, buildNetwork } from '../../../src/reason/bayes/network.ts'
import { testdata } from '../../testdata.ts'

/** A network and its reference answers. */
export function readReference<T>(folder: string, name: string): { network: BayesianNetwork; answers: T } {
  const read = (ending: string): string => readFileSync(testdata('reason', folder, `${name}.${ending}`), 'utf8')
  return { network: buildNetwork(readBif(read('bif'), name)), answers: JSON.parse(read('json')) as T }
}

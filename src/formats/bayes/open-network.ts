import { type DiscreteNetworkDescription, HenceError } from '../../core/index.ts'
import { readSmallFile } from '../json-file.ts'
import { readNetworkJson } from './network-json.ts'
import { MAX_NETWORK_BYTES, networkBytes, networkText } from './network-text.ts'
import { readBif } from './read-bif.ts'
import { readUai } from './read-uai.ts'
import { readXdsl } from './read-xdsl.ts'
import { readXmlBif } from './read-xmlbif.ts'

/** Formats of Bayesian networks. */
export type NetworkFormat = 'bif' | 'xmlbif' | 'uai' | 'xdsl' | 'json'

/** A network file, unchecked as yet. */
export interface NetworkFile {
  readonly format: NetworkFormat
  readonly path: string
  readonly bytes: number
  readonly network: DiscreteNetworkDescription
}

/**
 * Which network format a text is in, told by its beginning; undefined for none.
 *
 * @param head - some hundred characters or more
 */
export function networkFormatOf(head: string): NetworkFormat | undefined {
  const text = head.replace(/^\uFEFF?(?:\s+|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|<\?[\s\S]*?\?>|<!--[\s\S]*?-->)*/, '')
  if (/^(BAYES|MARKOV)\s/.test(text)) return 'uai'
  if (/^<smile[\s>]/.test(text)) return 'xdsl'
  if (/^<(!DOCTYPE\s+BIF|BIF[\s>])/.test(text)) return 'xmlbif'
  if (/^(network|variable)\s+("[^"]*"|[^\s{]*)\s*\{/.test(text)) return 'bif'
  if (/^\{[\s\S]*?"format"\s*:\s*"hence-network"/.test(text)) return 'json'
  return undefined
}

/**
 * Opens a network in any of the formats, also packed with gzip.
 *
 * @throws HenceError `FORMAT_UNKNOWN` and those of the formats
 */
export async function openNetwork(path: string, signal?: AbortSignal): Promise<NetworkFile> {
  const packed = await readSmallFile(path, MAX_NETWORK_BYTES, signal)
  const bytes = networkBytes(packed, path)
  const text = networkText(bytes)
  const format = networkFormatOf(text.slice(0, 4096))
  if (format === undefined)
    throw new HenceError('FORMAT_UNKNOWN', `${path} is no Bayesian network: neither BIF, XMLBIF, UAI, XDSL nor JSON`, { path })
  const readers = { bif: readBif, xmlbif: readXmlBif, uai: readUai, xdsl: readXdsl }
  const network = format === 'json' ? readNetworkJson(bytes, path) : readers[format](text, path)
  return { format, path, bytes: packed.length, network }
}

import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** True for names and addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const version = isIP(host)
  return version === 0 ? host === 'localhost' : LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * True for a Host header that a page of another site cannot have had a browser send: an address, or `localhost`. A name
 * that someone points at 127.0.0.1 is neither.
 */
export function isLocalHostHeader(header: string | undefined): boolean {
  const host = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header ?? '')
  const name = host?.[1] ?? host?.[2]
  return name !== undefined && (isIP(name) !== 0 || name.toLowerCase() === 'localhost')
}

import type { Writable } from 'node:stream'
import { HenceError } from '../core/index.ts'
import { isLoopback } from './loopback.ts'
import type { ServableModel } from './model-registry.ts'

/** Options of {@link serve}. */
export interface ServeOptions {
  /**
   * By the names that requests use. With promises the server listens at once and says that it is not ready until all of
   * them are loaded. The models stay the caller's, who disposes them after the server was closed.
   */
  readonly models: Readonly<Record<string, ServableModel | Promise<ServableModel>>>
  /** Address to listen on; `127.0.0.1` by default. Any other than a loopback address needs keys. */
  readonly host?: string | undefined
  /** 8000 by default; 0 for any that is free. */
  readonly port?: number | undefined
  /** Requests must carry one of these; none are asked for by default. */
  readonly apiKeys?: readonly string[] | undefined
  /** Listens beyond loopback without keys, and to any Host header. */
  readonly insecureNoKey?: boolean | undefined
  /** Certificate chain and key in PEM; plain HTTP by default. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array } | undefined
  /** Origins whose pages may call the server from a browser, or `*`; none by default. */
  readonly corsOrigins?: readonly string[] | undefined
  /** Bytes of a request's body; 32 MiB by default. */
  readonly maxBodyBytes?: number | undefined
  /** Sequences and tensor requests that run or wait at once; 1,024 by default. Further ones are refused. */
  readonly maxAdmitted?: number | undefined
  /** Milliseconds a request may take to arrive; 60,000 by default. */
  readonly requestTimeoutMs?: number | undefined
  /** Milliseconds a reader may take nothing before it is let go; 60,000 by default. */
  readonly stallTimeoutMs?: number | undefined
  /** Milliseconds that closing waits for requests under way; 30,000 by default. */
  readonly drainMs?: number | undefined
  /** How tensor requests share runs; see {@link BatchingOptions}. */
  readonly batching?: BatchingOptions | undefined
  /** The page at `/`: true for the one that comes with Hence (the default), false for none, or the folder of another. */
  readonly page?: boolean | string | undefined
  /**
   * Measures how many bytes a second the memory gives at most, for the gauge of how much of that is in use; there is no such gauge by
   * default. Asked once, when metrics are read while no language model is at work; undefined where it cannot be told.
   */
  readonly readBandwidth?: (() => Promise<number | undefined>) | undefined
  /** Takes a JSON line for every request; nothing is logged by default. */
  readonly log?: Writable | undefined
}

/** How tensor requests that arrive together share a run. */
export interface BatchingOptions {
  /** Rows of the first dimension that one run takes; 16 by default, 1 for no batching. */
  readonly maxRows?: number | undefined
  /** Milliseconds that a request waits for others, while nothing runs; 0 by default. */
  readonly maxDelayMs?: number | undefined
}

/** Options with everything decided. */
export interface ServerSettings {
  readonly host: string
  readonly port: number
  readonly apiKeys: readonly string[]
  readonly checksHost: boolean
  readonly tls: ServeOptions['tls']
  readonly corsOrigins: readonly string[]
  readonly maxBodyBytes: number
  readonly maxAdmitted: number
  readonly requestTimeoutMs: number
  readonly stallTimeoutMs: number
  readonly drainMs: number
  readonly batching: Required<{ [Name in keyof BatchingOptions]: number }>
}

const MAX_NAME = 200

/** @throws HenceError `OPTION_INVALID` */
export function settingsOf(options: ServeOptions): ServerSettings {
  const { host = '127.0.0.1', apiKeys = [], insecureNoKey = false, corsOrigins = [], batching = {} } = options
  checkNames(Object.keys(options.models))
  for (const key of apiKeys)
    if (!/^[\x21-\x7e]{1,1024}$/.test(key))
      throw new HenceError('OPTION_INVALID', 'serve: an API key must be 1 to 1024 visible ASCII characters')
  if (!isLoopback(host) && apiKeys.length === 0 && !insecureNoKey)
    throw new HenceError('OPTION_INVALID', `serve: ${host} can be reached from other machines, and there is no API key`, {
      host,
      hint: 'Set HENCE_API_KEY (or { apiKeys }), or say --insecure-no-key ({ insecureNoKey: true }) if everybody may use the server.',
    })
  return {
    host,
    port: whole('port', options.port ?? 8000, 0, 65_535),
    apiKeys,
    checksHost: isLoopback(host) && apiKeys.length === 0 && !insecureNoKey,
    tls: options.tls,
    corsOrigins: corsOrigins.map(checkOrigin),
    maxBodyBytes: whole('maxBodyBytes', options.maxBodyBytes ?? 32 * 2 ** 20, 1, 2 ** 31),
    maxAdmitted: whole('maxAdmitted', options.maxAdmitted ?? 1_024, 1, 1e6),
    requestTimeoutMs: whole('requestTimeoutMs', options.requestTimeoutMs ?? 60_000, 100, 2 ** 31 - 1),
    stallTimeoutMs: whole('stallTimeoutMs', options.stallTimeoutMs ?? 60_000, 100, 2 ** 31 - 1),
    drainMs: whole('drainMs', options.drainMs ?? 30_000, 0, 2 ** 31 - 1),
    batching: {
      maxRows: whole('batching.maxRows', batching.maxRows ?? 16, 1, 65_536),
      maxDelayMs: between('batching.maxDelayMs', batching.maxDelayMs ?? 0, 0, 60_000),
    },
  }
}

function checkNames(names: readonly string[]): void {
  if (names.length === 0) throw new HenceError('OPTION_INVALID', 'serve: there must be at least one model')
  for (const name of names)
    if (name.length > MAX_NAME || !name.split('/').every(part => /^(?!\.+$)[\w.:@+-]+$/.test(part)))
      throw new HenceError('OPTION_INVALID', `serve: the model name ${JSON.stringify(name)} must be words of letters, digits and ._:@+-`, {
        name,
      })
}

function checkOrigin(origin: string): string {
  if (origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)) return origin
  throw new HenceError('OPTION_INVALID', `serve: ${JSON.stringify(origin)} is no origin such as https://example.com, nor *`, { origin })
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value)) return between(name, value, min, max)
  throw new HenceError('OPTION_INVALID', `serve: ${name} must be a whole number, is ${value}`, { option: name })
}

function between(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value
  throw new HenceError('OPTION_INVALID', `serve: ${name} must be from ${min} to ${max}, is ${value}`, { option: name })
}

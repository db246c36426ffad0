import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { HenceError } from '../core/index.ts'

/** How the hub is reached and where its files are kept. */
export interface HubSettings {
  /** Address of the hub without a slash at its end. */
  readonly endpoint: string
  /** Sent to the endpoint's own host and nowhere else. */
  readonly token: string | undefined
  /** No network is used. */
  readonly isOffline: boolean
  /** The cache, shared with other programs that use the hub. */
  readonly cacheFolder: string
  /** A connection that brings nothing for this long is given up. */
  readonly stallMs: number
  /** Wait before a second attempt; doubles with each one. */
  readonly backoffMs: number
}

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_ENDPOINT = 'https://huggingface.co'
const DEFAULT_STALL_S = 30
const MAX_STALL_S = 3_600
const BACKOFF_MS = 500

/**
 * Reads the settings as the hub's other clients do: `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`, `HF_HUB_CACHE`,
 * `HF_HUB_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT` in seconds.
 *
 * @throws HenceError `OPTION_INVALID` for values that cannot be used
 */
export async function hubSettings(env: Environment = process.env): Promise<HubSettings> {
  return {
    endpoint: endpointOf(env),
    token: await tokenOf(env),
    isOffline: isTrue(env['HF_HUB_OFFLINE'] || env['TRANSFORMERS_OFFLINE']),
    cacheFolder: hubCacheFolder(env),
    stallMs: stallSeconds(env) * 1_000,
    backoffMs: BACKOFF_MS,
  }
}

/** The folder of the hub's cache. */
export function hubCacheFolder(env: Environment = process.env): string {
  return resolve(folder(env['HF_HUB_CACHE']) ?? folder(env['HUGGINGFACE_HUB_CACHE']) ?? join(homeOf(env), 'hub'))
}

function homeOf(env: Environment): string {
  return folder(env['HF_HOME']) ?? join(folder(env['XDG_CACHE_HOME']) ?? join(homedir(), '.cache'), 'huggingface')
}

function endpointOf(env: Environment): string {
  const given = env['HF_ENDPOINT'] || DEFAULT_ENDPOINT
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '')
    throw new HenceError('OPTION_INVALID', 'HF_ENDPOINT must be an address that begins with https:// or http://', {
      variable: 'HF_ENDPOINT',
      hint: `Unset HF_ENDPOINT for ${DEFAULT_ENDPOINT}.`,
    })
  return url.href.replace(/\/+$/, '')
}

async function tokenOf(env: Environment): Promise<string | undefined> {
  if (isTrue(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined
  const given = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN']
  const path = folder(env['HF_TOKEN_PATH']) ?? join(homeOf(env), 'token')
  const token = (given || (await readFile(path, 'utf8').catch(() => ''))).trim()
  if (token === '') return undefined
  // Never shown: it is a secret even when it is wrong.
  if (!/^[\x21-\x7e]{1,4096}$/.test(token))
    throw new HenceError('OPTION_INVALID', `the token in ${given ? 'HF_TOKEN' : path} has characters that no token has`, {
      source: given ? 'HF_TOKEN' : path,
      hint: 'Copy it again from the hub, without quotes or line breaks.',
    })
  return token
}

function stallSeconds(env: Environment): number {
  const given = env['HF_HUB_DOWNLOAD_TIMEOUT']
  const seconds = given ? Number(given) : DEFAULT_STALL_S
  if (seconds > 0 && seconds <= MAX_STALL_S) return seconds
  throw new HenceError('OPTION_INVALID', `HF_HUB_DOWNLOAD_TIMEOUT must be seconds up to ${MAX_STALL_S}, is "${given}"`, {
    variable: 'HF_HUB_DOWNLOAD_TIMEOUT',
  })
}

function folder(value: string | undefined): string | undefined {
  return value ? value.replace(/^~(?=$|[/\\])/, homedir()) : undefined
}

function isTrue(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? '')
}

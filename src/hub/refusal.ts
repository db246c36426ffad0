import { HenceError } from '../core/index.ts'
import { invalidAnswer, passingFailure } from './hub-request.ts'

/** What was asked for. */
export interface Wanted {
  readonly repository: string
  readonly revision?: string
  readonly file?: string
}

const MAX_REASON_CHARS = 300

/**
 * The error that an answer without success stands for.
 *
 * @param hasToken - whether the hub knows who asks
 */
export function refusal(response: Response, address: string, wanted: Wanted, hasToken: boolean): HenceError {
  const { status, headers } = response
  const kind = headers.get('x-error-code') ?? ''
  const said = (headers.get('x-error-message') ?? '').slice(0, MAX_REASON_CHARS)
  if (status === 429) return passingFailure(address, 'the hub has had too many requests (429)', retryAfterMs(headers))
  if (status === 408 || status >= 500) return passingFailure(address, `the hub failed (${status})`, retryAfterMs(headers))
  if (kind === 'GatedRepo') return gated(wanted, new URL(address).origin, hasToken)
  if (/invalid (credentials|token|username)/i.test(said) && hasToken) return badToken(wanted)
  if (kind === 'RepoNotFound' || (status === 404 && kind === '' && wanted.file === undefined) || (status === 401 && !hasToken))
    return noRepository(wanted, hasToken)
  if (kind === 'RevisionNotFound') return noRevision(wanted)
  if (status === 404) return noFile(wanted)
  if (status === 401 || status === 403) return denied(wanted, said || `the hub says ${status}`)
  return invalidAnswer(address, `status ${status}${said ? `: ${said}` : ''}`, { status })
}

function gated({ repository }: Wanted, hub: string, hasToken: boolean): HenceError {
  const page = `${hub}/${repository}`
  return new HenceError('HUB_DENIED', `${repository} is gated: its owners ask you to accept their terms first`, {
    repository,
    page,
    hasToken,
    hint: hasToken
      ? `Accept the terms at ${page} with the account of your token, and check that the token may read gated repositories.`
      : `Accept the terms at ${page}, make a token at ${hub}/settings/tokens, and put it into HF_TOKEN.`,
  })
}

function badToken({ repository }: Wanted): HenceError {
  return new HenceError('HUB_DENIED', `${repository}: the hub does not know the token`, {
    repository,
    hasToken: true,
    hint: 'Make a new token at huggingface.co/settings/tokens and put it into HF_TOKEN, or unset HF_TOKEN for public models.',
  })
}

function denied({ repository }: Wanted, reason: string): HenceError {
  return new HenceError('HUB_DENIED', `${repository}: ${reason}`, { repository, reason })
}

function noRepository({ repository }: Wanted, hasToken: boolean): HenceError {
  const orPrivate = hasToken ? ', or your token may not see it' : ', or it is private and needs a token in HF_TOKEN'
  return new HenceError('HUB_NOT_FOUND', `there is no model ${repository} on the hub${orPrivate}`, {
    repository,
    hasToken,
    missing: 'model',
  })
}

function noRevision({ repository, revision }: Wanted): HenceError {
  return new HenceError('HUB_NOT_FOUND', `${repository} has no revision ${revision}`, { repository, revision, missing: 'revision' })
}

function noFile({ repository, file }: Wanted): HenceError {
  return new HenceError('HUB_NOT_FOUND', `${repository} has no file ${file}`, { repository, file, missing: 'file' })
}

/** What Retry-After, or the hub's own header of rates, asks for: seconds or a date. */
function retryAfterMs(headers: Headers): number | undefined {
  const given = headers.get('retry-after')
  if (given !== null) {
    const seconds = Number(given)
    const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(given) - Date.now()
    return Number.isFinite(ms) ? Math.max(0, ms) : undefined
  }
  const reset = /;\s*r=0\s*;\s*t=(\d{1,6})/.exec(headers.get('ratelimit') ?? '')
  return reset ? Number(reset[1]) * 1_000 : undefined
}

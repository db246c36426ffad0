import { HenceError, isHenceError, nearest } from '../core/index.ts'
import { askHub } from './hub-json.ts'
import { type HubName, isCommit } from './hub-name.ts'
import { exchange, type Hub, invalidAnswer } from './hub-request.ts'
import { refusal } from './refusal.ts'
import { withRetries } from './retry.ts'
import { requireSafePath } from './safe-path.ts'

/** A file of a repository, with what the hub says of its content. */
export interface RemoteFile {
  readonly path: string
  readonly bytes: number
  /** SHA-256 of the content, or the name git gives it; in hexadecimal. Names the file in the cache. */
  readonly hash: string
}

/** The files of a repository at a commit. */
export interface Listing {
  readonly repository: string
  readonly commit: string
  readonly paths: readonly string[]
  /** What is known of the files without asking for each. */
  readonly files: ReadonlyMap<string, RemoteFile>
}

const MAX_FILES = 100_000
const MAX_PAGES = 1_000
const HASH = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * Finds the commit of a revision and the files in it.
 *
 * @throws HenceError `HUB_NOT_FOUND` with the nearest names there are, `HUB_DENIED`, `HUB_UNREACHABLE`, `HUB_INVALID`
 */
export async function listRepository(hub: Hub, name: HubName): Promise<Listing> {
  const { repository, revision } = name
  const api = apiOf(hub, repository)
  const address = `${api}/revision/${encodeURIComponent(revision)}`
  const { value } = await askHub(hub, address, { repository, revision }).catch(error => explainMissing(hub, name, error))
  const { sha, siblings } = (value ?? {}) as { sha?: unknown; siblings?: unknown }
  if (typeof sha !== 'string' || !isCommit(sha)) throw invalidAnswer(address, 'the answer names no commit')
  const files = await listTree(hub, repository, sha)
  const paths = files ? [...files.keys()] : namesOf(siblings, address)
  return { repository, commit: sha, paths, files: files ?? new Map() }
}

/**
 * Size and hash of a file.
 *
 * @throws HenceError as {@link listRepository}
 */
export async function describeFile(hub: Hub, listing: Listing, path: string): Promise<RemoteFile> {
  const { repository, commit, files } = listing
  requireSafePath(path, repository)
  const known = files.get(path)
  if (known) return known
  const address = fileAddress(hub, repository, commit, path)
  return withRetries(hub, () =>
    // Storage knows neither commit nor hash: the hub's own answer has them, whatever it redirects to.
    exchange(hub, address, { method: 'HEAD', staysAtHub: true }, async response => {
      const { status, headers } = response
      if (status >= 400) throw refusal(response, address, { repository, revision: commit, file: path }, hub.settings.token !== undefined)
      const hash = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '')
      const bytes = Number(headers.get('x-linked-size') ?? headers.get('content-length') ?? Number.NaN)
      if (!HASH.test(hash) || !isSize(bytes)) throw invalidAnswer(address, 'the answer has no size and hash of the file')
      return { path, bytes, hash }
    }),
  )
}

/** Where the content of a file is asked for. */
export function fileAddress({ settings }: Hub, repository: string, commit: string, path: string): string {
  return `${settings.endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}

/** All files with sizes and hashes; undefined where something stands in for the hub that does not list them. */
async function listTree(hub: Hub, repository: string, commit: string): Promise<Map<string, RemoteFile> | undefined> {
  const files = new Map<string, RemoteFile>()
  let address: string | undefined = `${apiOf(hub, repository)}/tree/${commit}?recursive=true`
  for (let page = 0; address !== undefined; page++) {
    if (page >= MAX_PAGES) throw invalidAnswer(address, `the listing has more than ${MAX_PAGES} pages`)
    let answer: Awaited<ReturnType<typeof askHub>>
    try {
      answer = await askHub(hub, address, { repository, revision: commit })
    } catch (error) {
      const isMissing = isHenceError(error, 'HUB_NOT_FOUND') || (isHenceError(error, 'HUB_INVALID') && error.details['status'] === 405)
      if (page === 0 && isMissing) return undefined
      throw error
    }
    if (!Array.isArray(answer.value)) throw invalidAnswer(address, 'the listing is no array')
    for (const entry of answer.value) {
      const file = fileOf(entry, address)
      if (file) files.set(file.path, file)
    }
    if (files.size > MAX_FILES) throw invalidAnswer(address, `the repository has more than ${MAX_FILES} files`)
    address = answer.next
  }
  return files
}

function fileOf(entry: unknown, address: string): RemoteFile | undefined {
  const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>
  if (type === 'directory') return undefined
  const { oid: contentHash, size: contentBytes } = (lfs ?? {}) as Record<string, unknown>
  const hash = lfs ? contentHash : oid
  const bytes = lfs ? (contentBytes ?? size) : size
  if (type !== 'file' || typeof path !== 'string' || typeof hash !== 'string' || !HASH.test(hash) || !isSize(bytes))
    throw invalidAnswer(address, `the listing has an entry without path, size or hash: ${JSON.stringify(entry).slice(0, 120)}`)
  return { path, bytes, hash }
}

function namesOf(siblings: unknown, address: string): string[] {
  if (!Array.isArray(siblings) || siblings.length > MAX_FILES) throw invalidAnswer(address, 'the answer lists no files')
  return siblings.map(sibling => String((sibling as { rfilename?: unknown } | null)?.rfilename ?? ''))
}

/** Adds the nearest names that the hub does have; asks for them once and without insisting. */
async function explainMissing(hub: Hub, { repository, revision }: HubName, error: unknown): Promise<never> {
  if (!isHenceError(error, 'HUB_NOT_FOUND')) throw error
  const { missing } = error.details
  const known = missing === 'revision' ? await revisionsOf(hub, repository) : await similarModels(hub, repository)
  const wanted = missing === 'revision' ? revision : repository
  const close = nearest(wanted, known)
  const others = known.filter(other => other !== close).slice(0, close ? 4 : 5)
  if (!close && others.length === 0) throw error
  throw new HenceError('HUB_NOT_FOUND', `${error.message}${close ? `; did you mean ${close}?` : ''}`, {
    ...error.details,
    ...(close ? { nearest: close } : {}),
    known: known.slice(0, 20),
    ...(others.length > 0 ? { hint: `There ${others.length === 1 ? 'is' : 'are'} ${close ? 'also ' : ''}${others.join(', ')}.` } : {}),
  })
}

async function revisionsOf(hub: Hub, repository: string): Promise<string[]> {
  const value = await askOnce(hub, `${apiOf(hub, repository)}/refs`)
  const { branches, tags } = (value ?? {}) as { branches?: unknown; tags?: unknown }
  return [branches, tags].flatMap(list => textsOf(list, 'name'))
}

async function similarModels(hub: Hub, repository: string): Promise<string[]> {
  const [author = '', name = ''] = repository.split('/')
  const queries = [
    { author, limit: '200' },
    { search: name, limit: '10', sort: 'downloads', direction: '-1' },
  ]
  const answers = await Promise.all(
    queries.map(query => askOnce(hub, `${hub.settings.endpoint}/api/models?${new URLSearchParams(query as Record<string, string>)}`)),
  )
  return [...new Set(answers.flatMap(answer => textsOf(answer, 'id')))]
}

function textsOf(list: unknown, key: string): string[] {
  if (!Array.isArray(list)) return []
  return list
    .slice(0, 1_000)
    .map(entry => (entry as Record<string, unknown> | null)?.[key])
    .filter(text => typeof text === 'string')
    .filter(text => /^[\w./-]{1,200}$/.test(text))
}

async function askOnce(hub: Hub, address: string): Promise<unknown> {
  const signal = AbortSignal.any([...(hub.signal ? [hub.signal] : []), AbortSignal.timeout(3_000)])
  try {
    return (await askHub({ ...hub, signal }, address, { repository: '' })).value
  } catch {
    return undefined
  }
}

function apiOf({ settings }: Hub, repository: string): string {
  return `${settings.endpoint}/api/models/${repository}`
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A repository as a test describes it: contents by path. */
export interface HubRepository {
  readonly files: Readonly<Record<string, Uint8Array | string>>
  /** Only those who send this token may have the files. */
  readonly token?: string
  /** Nobody without the token learns that it exists. */
  readonly isPrivate?: boolean
  readonly tags?: readonly string[]
  /** An old name leads to this one. */
  readonly movedTo?: string
}

/** A request that came in. */
export interface SeenRequest {
  readonly server: 'hub' | 'storage'
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly range: string | undefined
}

/** Answers a request in its own way; false for the usual one. */
export type Fault = (request: IncomingMessage, response: ServerResponse, content: Uint8Array | undefined) => boolean

/** A hub on loopback that speaks the protocol of huggingface.co, with storage on another host. */
export interface HubServer {
  readonly endpoint: string
  readonly seen: SeenRequest[]
  /** Asked before each answer of the hub. */
  hubFault: Fault | undefined
  /** Asked before each answer of the storage. */
  storageFault: Fault | undefined
  /** Listings have this many files a page. */
  pageSize: number
  /** The listing of files is not there, as with some mirrors. */
  hasTree: boolean
  commitOf(repository: string): string
  close(): Promise<void>
}

/** Files of this many bytes and more are in the storage, with a SHA-256; smaller ones have the name git gives them. */
export const LFS_BYTES = 1_000

const hashes = new WeakMap<Uint8Array, string>()

/** The hash the hub names a content by. */
export function hashOf(content: Uint8Array): string {
  const known = hashes.get(content)
  if (known) return known
  const hash =
    content.length >= LFS_BYTES
      ? createHash('sha256').update(content).digest('hex')
      : createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  hashes.set(content, hash)
  return hash
}

/** Starts a hub with some repositories. */
export async function startHub(repositories: Readonly<Record<string, HubRepository>>): Promise<HubServer> {
  const commits = new Map<string, string>()
  const contents = new Map(
    Object.entries(repositories).map(([name, { files }]) => [
      name,
      new Map(Object.entries(files).map(([path, content]) => [path, typeof content === 'string' ? Buffer.from(content) : content])),
    ]),
  )
  const seen: SeenRequest[] = []
  const hub = createServer((request, response) => {
    note('hub', request)
    if (!self.hubFault?.(request, response, contentAt(request))) answer(request, response)
  })
  const storage = createServer((request, response) => {
    note('storage', request)
    const content = [...contents.values()].flatMap(files => [...files.values()]).find(each => request.url?.startsWith(`/${hashOf(each)}?`))
    if (self.storageFault?.(request, response, content)) return
    if (content) sendContent(request, response, content)
    else response.writeHead(403).end()
  })
  const hubOrigin = await listen(hub)
  // Another name of the same machine: clients tell hosts apart by it.
  const storageOrigin = (await listen(storage)).replace('127.0.0.1', 'localhost')

  function note(server: SeenRequest['server'], { method = '', url = '', headers }: IncomingMessage): void {
    seen.push({ server, method, path: url, authorization: headers.authorization, range: headers.range })
  }

  function contentAt({ url = '' }: IncomingMessage): Uint8Array | undefined {
    const [, name = '', path = ''] = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/([^?]+)/.exec(url) ?? []
    return contents.get(name)?.get(decodeURIComponent(path))
  }

  function answer(request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url ?? '', hubOrigin)
    if (url.pathname === '/api/models') return search(url, response)
    const match = /^\/(api\/models\/)?([^/]+\/[^/]+?)(\/.*)?$/.exec(url.pathname)
    const [, api, name = '', rest = ''] = match ?? []
    const repository = repositories[name]
    const isKnown = request.headers.authorization === `Bearer ${repository?.token}`
    if (!repository || (repository.isPrivate && !isKnown))
      return refuse(response, request.headers.authorization ? 404 : 401, 'RepoNotFound')
    if (repository.movedTo) {
      return response.writeHead(307, { location: `/${api ?? ''}${repository.movedTo}${rest}${url.search}` }).end()
    }
    const commit = commitOf(name)
    const [, action = '', revision = '', path] = /^\/(\w+)(?:\/([^/]+)(?:\/(.+))?)?$/.exec(rest) ?? []
    if (action === 'refs') {
      const tags = (repository.tags ?? []).map(tag => ({ name: tag, ref: `refs/tags/${tag}`, targetCommit: commit }))
      return sendJson(response, { branches: [{ name: 'main', ref: 'refs/heads/main', targetCommit: commit }], tags, converts: [] })
    }
    const known = ['main', commit, ...(repository.tags ?? [])]
    if (!known.includes(decodeURIComponent(revision))) return refuse(response, 404, 'RevisionNotFound')
    const files = contents.get(name)!
    if (api && action === 'revision')
      return sendJson(response, {
        id: name,
        sha: commit,
        gated: repository.token ? 'manual' : false,
        siblings: [...files.keys()].map(rfilename => ({ rfilename })),
      })
    if (api && action === 'tree') return tree(url, response, files)
    if (!api && action === 'resolve')
      return resolve(request, response, { commit, path: decodeURIComponent(path ?? ''), files, repository, isKnown })
    return refuse(response, 404, '')
  }

  function search(url: URL, response: ServerResponse): unknown {
    const author = url.searchParams.get('author')
    const wanted = url.searchParams.get('search')?.toLowerCase() ?? ''
    const names = Object.keys(repositories).filter(name => (author ? name.startsWith(`${author}/`) : name.toLowerCase().includes(wanted)))
    return sendJson(
      response,
      names.filter(name => !repositories[name]?.isPrivate).map(id => ({ id })),
    )
  }

  function tree(url: URL, response: ServerResponse, files: ReadonlyMap<string, Uint8Array>): unknown {
    if (!self.hasTree) return refuse(response, 404, '')
    const entries = [...files].map(([path, content]) => ({
      type: 'file',
      path,
      size: content.length,
      ...(content.length >= LFS_BYTES
        ? { oid: '0'.repeat(40), lfs: { oid: hashOf(content), size: content.length, pointerSize: 134 } }
        : { oid: hashOf(content) }),
    }))
    const folders = [...new Set(entries.map(({ path }) => path.split('/').slice(0, -1).join('/')))].filter(path => path !== '')
    const all = [...folders.map(path => ({ type: 'directory', path, size: 0, oid: '1'.repeat(40) })), ...entries]
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const next = from + self.pageSize
    const link = next < all.length ? { link: `<${hubOrigin}${url.pathname}?recursive=true&cursor=${next}>; rel="next"` } : {}
    return sendJson(response, all.slice(from, next), link)
  }

  function resolve(
    request: IncomingMessage,
    response: ServerResponse,
    file: { commit: string; path: string; files: ReadonlyMap<string, Uint8Array>; repository: HubRepository; isKnown: boolean },
  ): unknown {
    if (file.repository.token && !file.isKnown) return refuse(response, request.headers.authorization ? 403 : 401, 'GatedRepo')
    const content = file.files.get(file.path)
    if (!content) return refuse(response, 404, 'EntryNotFound')
    const hash = hashOf(content)
    response.setHeader('x-repo-commit', file.commit)
    if (content.length < LFS_BYTES) return sendContent(request, response, content, `"${hash}"`)
    response.writeHead(302, {
      location: `${storageOrigin}/${hash}?X-Amz-Signature=secret`,
      'x-linked-etag': `"${hash}"`,
      'x-linked-size': String(content.length),
    })
    return response.end()
  }

  const self: HubServer = {
    endpoint: hubOrigin,
    seen,
    hubFault: undefined,
    storageFault: undefined,
    pageSize: 1_000,
    hasTree: true,
    commitOf,
    async close() {
      for (const server of [hub, storage]) {
        server.closeAllConnections()
        await new Promise(done => server.close(done))
      }
    },
  }
  return self

  function commitOf(name: string): string {
    const known = commits.get(name)
    if (known) return known
    const hash = createHash('sha1').update(name)
    for (const [path, content] of contents.get(name) ?? []) hash.update(path).update(hashOf(content))
    const commit = hash.digest('hex')
    commits.set(name, commit)
    return commit
  }
}

/** Sends a content or the range of it that was asked for. */
export function sendContent(request: IncomingMessage, response: ServerResponse, content: Uint8Array, etag = '"storage"'): void {
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
  const start = Number(from ?? 0)
  if (from !== undefined && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const part = content.subarray(start)
  response.writeHead(from === undefined ? 200 : 206, {
    etag,
    'content-length': part.length,
    'accept-ranges': 'bytes',
    ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  })
  response.end(request.method === 'HEAD' ? undefined : part)
}

function sendJson(response: ServerResponse, value: unknown, headers: Readonly<Record<string, string>> = {}): unknown {
  return response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

function refuse(response: ServerResponse, status: number, code: string): unknown {
  return response
    .writeHead(status, { ...(code ? { 'x-error-code': code } : {}), 'content-type': 'application/json' })
    .end('{"error":"refused"}')
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

import { HenceError } from '../../core/index.ts'
import { type Route, RouteReply, type RouteRequest } from '../route.ts'
import { type PageFile, readPageFiles } from './page-files.ts'

/** The page loads nothing from elsewhere, runs no script in its text, and stands in nobody's frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const NOT_BUILT = 'The page of this server was not built; `npm run build` makes it. The API works without it.\n'

/** The page at `/`. @param folder - its files, instead of those that come with Hence */
export function pageRoutes(folder: string | undefined): Route[] {
  let files: Map<string, PageFile> | undefined
  const answer = async (path: string, { headers }: RouteRequest): Promise<RouteReply> => {
    files ??= readPageFiles(folder)
    const file = files.get(path)
    if (!file && path === '/index.html') return new RouteReply(404, { 'content-type': 'text/plain; charset=utf-8' }, NOT_BUILT)
    if (!file) throw new HenceError('REQUEST_INVALID', 'The page has no such file', { status: 404 })
    return fileReply(file, path, headers)
  }
  return [
    { method: 'GET', path: '/', isPublic: true, answer: request => answer('/index.html', request) },
    { method: 'GET', path: '/assets/*', isPublic: true, answer: request => answer(`/assets/${request.params['*']}`, request) },
  ]
}

function fileReply(file: PageFile, path: string, headers: RouteRequest['headers']): RouteReply {
  const common = {
    etag: file.etag,
    vary: 'accept-encoding',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    // Names of assets change with their content.
    'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
  if (headers['if-none-match'] === file.etag) return new RouteReply(304, common, '')
  const isGzip = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''))
  const content = { ...common, 'content-type': file.type }
  return isGzip ? new RouteReply(200, { ...content, 'content-encoding': 'gzip' }, file.gzipped) : new RouteReply(200, content, file.bytes)
}

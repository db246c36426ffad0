import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { packageFolder } from '../../core/index.ts'

/** A file of the page, ready to send. */
export interface PageFile {
  readonly type: string
  readonly etag: string
  readonly bytes: Uint8Array
  readonly gzipped: Uint8Array
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The files of a page by their paths below the root; none when it was not built. Only what is listed here can be asked for. */
export function readPageFiles(folder: string = join(packageFolder(), 'dist', 'web')): Map<string, PageFile> {
  const files = new Map<string, PageFile>()
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true }) as string[]
  } catch {
    return files
  }
  for (const name of names) {
    const type = TYPES[extname(name)]
    if (!type) continue
    const bytes = readFileSync(join(folder, name))
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
    files.set(`/${name.replaceAll('\\', '/')}`, { type, etag, bytes, gzipped: gzipSync(bytes, { level: 9 }) })
  }
  return files
}

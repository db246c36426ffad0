import { HenceError } from '../core/index.ts'

const MAX_PATH_CHARS = 1_024
const MAX_SEGMENT_CHARS = 255

/** True for a path that stays below the folder it is joined to, on every system. */
export function isSafePath(path: string): boolean {
  if (path === '' || path.length > MAX_PATH_CHARS) return false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\0-\x1f\x7f\\:]/.test(path)) return false
  return path.split('/').every(segment => segment !== '' && segment !== '.' && segment !== '..' && segment.length <= MAX_SEGMENT_CHARS)
}

/** @throws HenceError `HUB_INVALID` for a path of a file that could lie outside its folder */
export function requireSafePath(path: string, repository: string): string {
  if (isSafePath(path)) return path
  throw new HenceError(
    'HUB_INVALID',
    `${repository} lists a file at ${JSON.stringify(path.slice(0, 200))}, which is not a path inside it`,
    {
      repository,
      path: path.slice(0, 200),
      hint: 'Nothing was downloaded. Tell whoever runs the hub or the repository.',
    },
  )
}

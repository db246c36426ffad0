/** True when a failure of the file system means that there is no room left, on the disk or for this user. */
export function isDiskFull(cause: unknown): boolean {
  const { code } = cause as { code?: unknown }
  return code === 'ENOSPC' || code === 'EDQUOT'
}

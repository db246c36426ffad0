const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

export function formatBytes(bytes: number): string {
  const power = bytes < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1_000 ** power
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`
}

export function formatCount(count: number): string {
  if (count < 10_000) return count.toLocaleString('en-US')
  const [size, unit] = count < 1e6 ? [1e3, 'K'] : count < 1e9 ? [1e6, 'M'] : [1e9, 'B']
  return `${(count / (size as number)).toFixed(count / (size as number) >= 100 ? 0 : 1)} ${unit}`
}

export function formatSeconds(seconds: number): string {
  if (seconds >= 1) return `${seconds >= 100 ? Math.round(seconds) : Number(seconds.toPrecision(3))} s`
  return `${Number((seconds * 1_000).toPrecision(3))} ms`
}

export function formatUptime(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60]
  if (days > 0) return `${days} d ${hours} h`
  return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`
}

/** `[batch, 3]`; what the file does not say is a question mark. */
export function formatShape(shape: readonly (number | string | null)[] | undefined): string {
  return shape ? `[${shape.map(size => size ?? '?').join(', ')}]` : ''
}

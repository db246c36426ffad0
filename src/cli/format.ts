const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const COUNT_UNITS = ['', ' K', ' M', ' B', ' T']

/** `1.24 GB`: three digits and a decimal unit. */
export function formatBytes(bytes: number): string {
  return scaled(
    bytes,
    BYTE_UNITS.map(unit => ` ${unit}`),
  )
}

/** `23.4 GB/s`. */
export function formatBandwidth(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`
}

/** `1.42 Tflop/s`: multiply-adds counted as two operations. */
export function formatOperations(operations: number): string {
  return scaled(operations, [' flop', ' kflop', ' Mflop', ' Gflop', ' Tflop', ' Pflop'])
}

/** `849 M`: three digits of a large count. */
export function formatLargeCount(count: number): string {
  return scaled(count, COUNT_UNITS)
}

/** `12,345`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** A rate or a time with three digits, more before the point. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 99.95) return formatCount(value)
  return value.toFixed(size >= 9.995 ? 1 : 2)
}

/** `1.23 s` or `45 ms`. */
export function formatMs(ms: number): string {
  return ms >= 1_000 ? `${formatNumber(ms / 1_000)} s` : `${formatNumber(ms)} ms`
}

/** `29 s`, `4 min`, `2 h 5 min`: a time that is still to come, roughly. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `3 days`: the largest whole unit. */
export function formatAge(ms: number): string {
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ] as const
  for (const [size, unit] of units) if (ms >= size) return formatPlural(Math.floor(ms / size), unit)
  return 'just now'
}

/** `1 tensor`, `2 tensors`. */
export function formatPlural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0
  let rest = value
  // 999.5 would be written 1,000 of the smaller unit.
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1_000
    unit++
  }
  const digits = unit === 0 ? (Number.isInteger(rest) ? 0 : 2) : rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0
  return `${rest.toFixed(digits)}${units[unit]}`
}

import { HenceError } from '../../core/index.ts'

const METRICS = ['ttft', 'tpot', 'e2el'] as const

/** Most milliseconds that an answer may take to count as good. */
export type ServiceLevels = { readonly [Name in (typeof METRICS)[number]]?: number }

/** Reads `ttft:500,tpot:50`. @throws HenceError `OPTION_INVALID` */
export function parseServiceLevels(text: string): ServiceLevels {
  const levels: Record<string, number> = {}
  for (const part of text.split(',')) {
    const [name = '', value = '', ...rest] = part.split(':').map(word => word.trim())
    const ms = value === '' ? Number.NaN : Number(value)
    if (rest.length > 0 || !(METRICS as readonly string[]).includes(name) || !(ms >= 0) || Object.hasOwn(levels, name))
      throw new HenceError(
        'OPTION_INVALID',
        `goodput: "${part}" is no limit such as ttft:500; there are ${METRICS.join(', ')}, each once`,
        {
          value: part,
          known: METRICS,
        },
      )
    levels[name] = ms
  }
  return levels
}

/** True when no time is above its limit. */
export function isGood(times: { readonly [Name in keyof ServiceLevels]-?: number }, levels: ServiceLevels): boolean {
  return METRICS.every(name => times[name] <= (levels[name] ?? Number.POSITIVE_INFINITY))
}

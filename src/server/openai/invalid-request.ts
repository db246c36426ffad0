import { z } from 'zod'
import { HenceError, nearest } from '../../core/index.ts'

type Issue = z.core.$ZodIssue

/** A body checked against a schema. @throws HenceError `REQUEST_INVALID`, in the words of OpenAI's API */
export function checkRequest<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  throw requestError(deepest(result.error.issues), body, known)
}

/** A parameter that is understood but cannot be served. */
export function unsupported(param: string, why: string): HenceError {
  return new HenceError('REQUEST_INVALID', `Unsupported parameter: '${param}' ${why}`, { param, openai: 'unsupported_parameter' })
}

/** The issue to tell of: within alternatives, the one of the alternative that fits best. */
function deepest(issues: readonly Issue[]): Issue {
  const [issue] = issues
  if (issue!.code !== 'invalid_union') return issue!
  const inner = issue!.errors.flatMap(branch => (branch.length > 0 ? [deepest(branch)] : []))
  // An alternative of the right type says more than one of the wrong type, and one that got inside says most.
  const closeness = (candidate: Issue): number => candidate.path.length * 2 + Number(candidate.code !== 'invalid_type')
  const best = inner.sort((a, b) => closeness(b) - closeness(a))[0]
  return best && closeness(best) > 0 ? { ...best, path: [...issue!.path, ...best.path] } : issue!
}

function requestError(issue: Issue, body: unknown, known: readonly string[]): HenceError {
  const param = issue.code === 'unrecognized_keys' ? pathText([...issue.path, issue.keys[0]!]) : pathText(issue.path)
  const { openai, message } = words(issue, param, valueAt(body, issue.path), known)
  return new HenceError('REQUEST_INVALID', message, { ...(param === '' ? {} : { param }), openai })
}

function words(issue: Issue, param: string, value: unknown, known: readonly string[]): { openai: string | null; message: string } {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const close = issue.path.length === 0 ? nearest(issue.keys[0]!, known) : undefined
      return { openai: 'unknown_parameter', message: `Unknown parameter: '${param}'.${close ? ` Did you mean '${close}'?` : ''}` }
    }
    case 'invalid_value':
      if (value === undefined) return missing(param)
      return {
        openai: 'invalid_value',
        message: `Invalid value for '${param}'. Supported values are: ${issue.values.map(quoted).join(', ')}.`,
      }
    case 'too_big':
    case 'too_small':
      return outOfRange(issue, param, value)
    case 'invalid_type':
      if (value === undefined && param !== '') return missing(param)
      if (param === '') return { openai: null, message: `The body must be a JSON object, but is ${typeName(value)}.` }
      return wrongType(param, [issue.expected], value)
    case 'invalid_union': {
      if (value === undefined) return missing(param)
      const expected = issue.errors.flatMap(branch => branch.flatMap(inner => (inner.code === 'invalid_type' ? [inner.expected] : [])))
      return expected.length > 0 ? wrongType(param, expected, value) : { openai: 'invalid_value', message: `Invalid value for '${param}'.` }
    }
    default:
      return { openai: 'invalid_value', message: `Invalid '${param}': ${issue.message}.` }
  }
}

function missing(param: string): { openai: string; message: string } {
  return { openai: 'missing_required_parameter', message: `Missing required parameter: '${param}'.` }
}

function wrongType(param: string, expected: readonly string[], value: unknown): { openai: string; message: string } {
  const names = [...new Set(expected)].map(name => EXPECTED[name] ?? `a value of type ${name}`)
  return {
    openai: 'invalid_type',
    message: `Invalid type for '${param}': expected ${names.join(' or ')}, but got ${typeName(value)} instead.`,
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

function outOfRange(
  issue: Extract<Issue, { code: 'too_big' | 'too_small' }>,
  param: string,
  value: unknown,
): { openai: string; message: string } {
  const isBig = issue.code === 'too_big'
  const limit = isBig ? issue.maximum : issue.minimum
  if (issue.origin === 'array' || issue.origin === 'string') {
    const length = (value as ArrayLike<unknown> | undefined)?.length ?? 0
    if (length === 0) return { openai: `empty_${issue.origin}`, message: `Invalid '${param}': it must not be empty.` }
    return {
      openai: `${issue.origin}_${isBig ? 'above_max' : 'below_min'}_length`,
      message: `Invalid '${param}': expected ${isBig ? 'at most' : 'at least'} ${limit} ${issue.origin === 'array' ? 'items' : 'characters'}, but got ${length}.`,
    }
  }
  const kind = Number.isInteger(value) ? 'integer' : 'decimal'
  return {
    openai: `${kind}_${isBig ? 'above_max' : 'below_min'}_value`,
    message: `Invalid '${param}': ${kind} ${isBig ? 'above maximum' : 'below minimum'} value. Expected a value ${isBig ? '<=' : '>='} ${limit}, but got ${value} instead.`,
  }
}

/** `['messages', 0, 'role']` as `messages[0].role`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    const name = String(key).slice(0, 100)
    return text === '' ? name : `${text}.${name}`
  }, '')
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], body)
}

function quoted(value: unknown): string {
  return `'${String(value)}'`
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

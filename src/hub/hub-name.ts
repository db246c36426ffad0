import { HenceError } from '../core/index.ts'

/** A model on the hub, as a user names it. */
export interface HubName {
  /** `org/name`. */
  readonly repository: string
  /** A branch, a tag or a commit. */
  readonly revision: string
  /** Which variant of several: a quantisation, as `Q4_K_M`. */
  readonly variant?: string
  /** One file of the repository. */
  readonly file?: string
}

const MAX_NAME_CHARS = 2_048
const MAX_REPOSITORY_CHARS = 96
const DEFAULT_REVISION = 'main'
const SEGMENT = String.raw`[A-Za-z0-9_](?:[\w.-]*\w)?`
/** Two segments, then `:variant` and `@revision` in either order. */
const PLAIN = new RegExp(`^(${SEGMENT}/${SEGMENT})((?:[:@][^:@\\s]+){0,2})$`)
/** What `hf://` stands before; a revision with slashes is one of the hub's own refs, or has them as %2F. */
const URI = new RegExp(`^(?:models/)?(${SEGMENT}/${SEGMENT})(@(?:refs/(?:pr/\\d+|convert/[\\w.-]+)|[^:@/\\s]+))?(:[^:@/\\s]+)?(?:/(.+))?$`)
/** A page of the hub, as a browser shows it. */
const PAGE = new RegExp(
  `^(?:https?://)?(?:www\\.)?(?:huggingface\\.co|hf\\.co)/(${SEGMENT}/${SEGMENT})(?:/(?:tree|blob|resolve)/([^/?#]+)(?:/([^?#]+))?)?/?(?:[?#].*)?$`,
)
const MODEL_FILE = /\.(gguf|onnx|safetensors|bin|pt|pth|json|npz|zip|txt)$/i

/**
 * Reads a name of a model on the hub: `org/name`, `org/name:Q4_K_M`, `org/name@revision`, `hf://org/name/file`, or the
 * address of its page.
 *
 * @returns undefined for a text that is no such name, as paths are not
 * @throws HenceError `OPTION_INVALID` for what claims to be a name of the hub and is none
 */
export function parseHubName(text: string): HubName | undefined {
  if (text.length > MAX_NAME_CHARS) return undefined
  if (text.startsWith('hf://')) return parseUri(text)
  const page = PAGE.exec(text)
  if (page) {
    const [, repository = '', revision, file] = page
    return checked(text, {
      repository,
      ...(revision ? { revision: decode(text, revision) } : {}),
      ...(file ? { file: decode(text, file) } : {}),
    })
  }
  const plain = PLAIN.exec(text)
  if (!plain || isOddRepository(plain[1]!)) return undefined
  const [, repository = '', rest = ''] = plain
  const parts = [...rest.matchAll(/([:@])([^:@]+)/g)]
  if (parts.length === 0 && MODEL_FILE.test(repository)) return undefined
  const variants = parts.filter(([, sign]) => sign === ':').map(([, , value]) => value!)
  const revisions = parts.filter(([, sign]) => sign === '@').map(([, , value]) => value!)
  if (variants.length > 1 || revisions.length > 1) throw invalid(text, 'it names two variants or two revisions')
  return checked(text, {
    repository,
    ...(revisions[0] === undefined ? {} : { revision: revisions[0] }),
    ...(variants[0] === undefined ? {} : { variant: variants[0] }),
  })
}

/** A name as {@link parseHubName} reads it, in its shortest form. */
export function printHubName({ repository, revision, variant, file }: HubName): string {
  const isMain = revision === DEFAULT_REVISION
  if (file === undefined) return `${repository}${variant === undefined ? '' : `:${variant}`}${isMain ? '' : `@${revision}`}`
  const isOwnRef = /^refs\/(pr|convert)\//.test(revision)
  return `hf://${repository}${isMain ? '' : `@${isOwnRef ? revision : revision.replaceAll('/', '%2F')}`}/${file}`
}

/** The same model at another revision. @throws HenceError `OPTION_INVALID` */
export function atRevision(name: HubName, revision: string): HubName {
  return checked(revision, { ...name, revision })
}

/** True for the hash of a commit, which stands for the same files for ever. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision)
}

function parseUri(text: string): HubName {
  const rest = text.slice('hf://'.length)
  const kind = /^(datasets|spaces|kernels|buckets)\//.exec(rest)?.[1]
  if (kind) throw invalid(text, `Hence reads models, not ${kind}`)
  const match = URI.exec(rest)
  if (!match || isOddRepository(match[1]!))
    throw invalid(text, 'it is not hf://org/name, hf://org/name/file or hf://org/name@revision/file')
  const [, repository = '', revision, variant, file] = match
  if (variant !== undefined && file !== undefined) throw invalid(text, 'it names a variant and a file; one of them is enough')
  return checked(text, {
    repository,
    ...(revision === undefined ? {} : { revision: decode(text, revision.slice(1)) }),
    ...(variant === undefined ? {} : { variant: variant.slice(1) }),
    ...(file === undefined ? {} : { file }),
  })
}

function checked(text: string, name: Partial<HubName> & { repository: string }): HubName {
  const { revision = DEFAULT_REVISION, variant } = name
  if (isOddRepository(name.repository)) throw invalid(text, 'the hub has no repository of such a name')
  // The revision names a file in the cache.
  if (!/^[\w][\w./+-]{0,199}$/.test(revision) || /\.\.|\/\/|\/$|(^|\/)\.|\.lock$/.test(revision))
    throw invalid(text, `"${revision}" is no branch, tag or commit`)
  if (variant !== undefined && !/^[\w][\w.-]{0,63}$/.test(variant)) throw invalid(text, `"${variant}" names no variant`)
  return { ...name, revision }
}

/** The hub's own rules for names, which the folders of its cache rely on. */
function isOddRepository(repository: string): boolean {
  return repository.length > MAX_REPOSITORY_CHARS || /--|\.\.|\.git$/.test(repository)
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw invalid(text, `"${part}" is not encoded as addresses are`)
  }
}

function invalid(text: string, reason: string): HenceError {
  return new HenceError('OPTION_INVALID', `"${text}" is no name of a model on the hub: ${reason}`, {
    name: text,
    hint: 'Write org/name, org/name:Q4_K_M, org/name@revision or hf://org/name/file.',
  })
}

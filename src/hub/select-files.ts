import { HenceError, nearest } from '../core/index.ts'
import { type GgufModel, ggufModels, ggufsOfVariant, preferredGgufs } from './gguf-variants.ts'

/** What is wanted of a repository. */
export interface Wish {
  readonly variant?: string | undefined
  readonly file?: string | undefined
  /** Patterns of files, instead of what a model needs; `*` and `?` as in a shell, `**` across folders. */
  readonly globs?: readonly string[] | undefined
  /** Leaves formats of the other kind out. */
  readonly kind?: 'language' | 'tensor' | undefined
}

/** Files that belong together. */
export interface Selection {
  readonly format: 'gguf' | 'safetensors' | 'onnx' | 'files'
  readonly paths: readonly string[]
  /** What to open, relative to the repository; empty for its folder. */
  readonly entry: string
  /** The variant there is a choice of. */
  readonly variant?: string
}

const MAX_LISTED = 12
/** What tells a runner about weights: configurations, tokenizers, templates. */
const SETTINGS =
  /^(?!.*\.index\.json$)[^/]+\.(json|jinja|tiktoken)$|^(vocab|merges)[^/]*\.txt$|^[^/]*(tokenizer|sentencepiece|spiece|bpe)[^/]*\.model$/i
/** Layers after a transformer, as sentence-transformers keep them. */
const MODULES = /^\d+_\w+\/(config\.json|model\.safetensors)$/
const SHARD = /^(.*)-\d{5}-of-(\d{5})\.safetensors$/

/**
 * Picks the files of a model: a GGUF in the wanted quantisation, else safetensors with their configuration and tokenizer,
 * else an ONNX graph.
 *
 * @param paths - all files of the repository
 * @throws HenceError `HUB_NOT_FOUND` with what there is, `OPTION_INVALID` when several models fit
 */
export function selectFiles(repository: string, paths: readonly string[], wish: Wish): Selection {
  if (wish.globs && wish.globs.length > 0) return selectMatching(repository, paths, wish.globs)
  if (wish.file !== undefined) return selectFile(repository, paths, wish.file)
  const ggufs = wish.kind === 'tensor' ? [] : ggufModels(paths)
  const graphs = wish.kind === 'language' ? [] : paths.filter(path => path.endsWith('.onnx'))
  if (wish.variant !== undefined) return selectVariant(repository, paths, wish.variant, ggufs, graphs)
  if (ggufs.length > 0) return oneGguf(repository, preferredGgufs(ggufs), ggufs)
  const weights = wish.kind === 'tensor' ? [] : safetensorsOf(paths)
  if (weights.length > 0) return { format: 'safetensors', paths: unique([...settingsOf(paths), ...weights]), entry: '' }
  if (graphs.length > 0) return oneGraph(repository, paths, plainGraphs(graphs))
  throw nothing(repository, paths, wish.kind)
}

function selectVariant(
  repository: string,
  paths: readonly string[],
  variant: string,
  ggufs: readonly GgufModel[],
  graphs: readonly string[],
): Selection {
  const models = ggufsOfVariant(ggufs, variant)
  if (models.length > 0) return oneGguf(repository, models, ggufs)
  const wanted = variant.toLowerCase()
  const found = graphs.filter(path => graphVariant(path) === wanted || baseOf(path).toLowerCase() === `${wanted}.onnx`)
  if (found.length > 0) return oneGraph(repository, paths, found)
  const known = unique([...ggufs.map(({ label, files }) => label ?? files[0]!), ...graphs.map(path => graphVariant(path) || baseOf(path))])
  const close = nearest(variant, known)
  throw new HenceError('HUB_NOT_FOUND', `${repository} has no variant ${variant}${close ? `; did you mean ${close}?` : ''}`, {
    repository,
    variant,
    missing: 'variant',
    ...(close ? { nearest: close } : {}),
    known,
    hint: known.length > 0 ? `It has ${listed(known)}.` : `It has one variant only; leave :${variant} out.`,
  })
}

function selectFile(repository: string, paths: readonly string[], file: string): Selection {
  if (!paths.includes(file)) {
    const close = nearest(file, paths) ?? paths.find(path => baseOf(path).toLowerCase() === baseOf(file).toLowerCase())
    throw new HenceError('HUB_NOT_FOUND', `${repository} has no file ${file}${close ? `; did you mean ${close}?` : ''}`, {
      repository,
      file,
      missing: 'file',
      ...(close ? { nearest: close } : {}),
      known: paths.slice(0, 100),
      hint: paths.length > 0 ? `It has ${listed([...paths])}.` : 'It has no files.',
    })
  }
  if (file.endsWith('.onnx')) return graph(paths, file)
  const model = ggufModels(paths).find(({ files }) => files.includes(file))
  if (model) return { format: 'gguf', paths: model.files, entry: model.files[0]! }
  if (/\.safetensors(\.index\.json)?$/.test(file) && !file.includes('/')) {
    const shard = SHARD.exec(file)
    const stem = shard?.[1] ?? file.replace(/\.safetensors\.index\.json$/, '')
    const parts = paths.filter(path => SHARD.exec(path)?.[1] === stem)
    const weights = shard || parts.length > 0 ? [...parts, ...paths.filter(path => path === `${stem}.safetensors.index.json`)] : []
    return { format: 'safetensors', paths: unique([...settingsOf(paths), ...weights, file]), entry: file }
  }
  return { format: 'files', paths: [file], entry: file }
}

function selectMatching(repository: string, paths: readonly string[], globs: readonly string[]): Selection {
  const matched = globs.map(glob => {
    const pattern = globPattern(glob)
    return paths.filter(path => pattern.test(path))
  })
  const empty = globs.filter((_, i) => matched[i]!.length === 0)
  if (empty.length > 0)
    throw new HenceError('HUB_NOT_FOUND', `${repository} has no file like ${empty.join(' or ')}`, {
      repository,
      globs: empty,
      missing: 'file',
      known: paths.slice(0, 100),
      hint: paths.length > 0 ? `It has ${listed([...paths])}.` : 'It has no files.',
    })
  const found = unique(matched.flat())
  return { format: 'files', paths: found, entry: found.length === 1 ? found[0]! : '' }
}

function oneGguf(repository: string, candidates: readonly GgufModel[], all: readonly GgufModel[]): Selection {
  const [model, ...others] = candidates
  if (others.length > 0 || !model)
    throw ambiguous(
      repository,
      candidates.map(({ files }) => files[0]!),
    )
  const hasChoice = all.length > 1 && model.label !== undefined
  return { format: 'gguf', paths: model.files, entry: model.files[0]!, ...(hasChoice ? { variant: model.label! } : {}) }
}

function oneGraph(repository: string, paths: readonly string[], candidates: readonly string[]): Selection {
  if (candidates.length > 1) throw ambiguous(repository, candidates)
  return graph(paths, candidates[0]!)
}

function graph(paths: readonly string[], path: string): Selection {
  const stem = path.replace(/\.onnx$/, '')
  const data = paths.filter(other => other.startsWith(`${path}_`) || other.startsWith(`${path}.`) || other === `${stem}.data`)
  const variant = graphVariant(path)
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const beside = folder === '' ? [] : paths.filter(other => other.startsWith(folder) && SETTINGS.test(other.slice(folder.length)))
  return {
    format: 'onnx',
    paths: unique([...settingsOf(paths), ...beside, ...data, path]),
    entry: path,
    ...(variant === '' ? {} : { variant }),
  }
}

/** Graphs to choose from when nothing is said: `model.onnx` where there is one. */
function plainGraphs(graphs: readonly string[]): readonly string[] {
  for (const name of ['model.onnx', 'onnx/model.onnx']) if (graphs.includes(name)) return [name]
  const plain = graphs.filter(path => baseOf(path) === 'model.onnx')
  return plain.length === 1 ? plain : graphs
}

/** `q4f16` of `onnx/model_q4f16.onnx`; empty for the plain graph. */
function graphVariant(path: string): string {
  return (/^model[._-](.+)\.onnx$/i.exec(baseOf(path))?.[1] ?? '').toLowerCase()
}

/** Weights at the top of a repository: one file, or all parts of a split one with their index. */
function safetensorsOf(paths: readonly string[]): string[] {
  if (!paths.includes('config.json')) return []
  if (paths.includes('model.safetensors')) return ['model.safetensors']
  const top = paths.filter(path => !path.includes('/') && path.endsWith('.safetensors'))
  const stems = unique(top.map(path => SHARD.exec(path)?.[1] ?? path))
  const stem = stems.includes('model') ? 'model' : stems.length === 1 ? stems[0]! : undefined
  if (stem === undefined) return []
  const files = top.filter(path => (SHARD.exec(path)?.[1] ?? path) === stem)
  const total = Number(SHARD.exec(files[0]!)?.[2] ?? 1)
  return files.length === total ? [...files, ...paths.filter(path => path === `${stem}.safetensors.index.json`)] : []
}

function settingsOf(paths: readonly string[]): string[] {
  return paths.filter(path => SETTINGS.test(path) || MODULES.test(path))
}

function nothing(repository: string, paths: readonly string[], kind: Wish['kind']): HenceError {
  const pickled = paths.filter(path => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(path))
  const what = kind === undefined ? 'model that Hence reads' : `${kind} model that Hence reads`
  return new HenceError('HUB_NOT_FOUND', `${repository} has no ${what}${pickled.length > 0 ? `, only ${listed(pickled)}` : ''}`, {
    repository,
    missing: 'model',
    known: paths.slice(0, 100),
    hint: 'Hence reads GGUF, safetensors with a config.json, and ONNX; look for a conversion of this model on the hub.',
  })
}

function ambiguous(repository: string, files: readonly string[]): HenceError {
  return new HenceError('OPTION_INVALID', `${repository} has ${files.length} models that this name fits: ${listed([...files])}`, {
    repository,
    files,
    hint: `Name one: hf://${repository}/${files[0]}`,
  })
}

/** A pattern as shells have them: a name without a slash is looked for in every folder. */
function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replace(/\*\*\/?|\*|\?/g, wild => (wild.startsWith('**') ? '.*' : wild === '*' ? '[^/]*' : '[^/]'))
  return new RegExp(`^${glob.includes('/') ? '' : '(?:.*/)?'}${source}$`)
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_LISTED
  return names.slice(0, MAX_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

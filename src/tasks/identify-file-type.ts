import { fileURLToPath } from 'node:url'
import { HenceError, type Tensor, type TensorModel, throwIfAborted } from '../core/index.ts'
import { ByteFile } from '../formats/index.ts'
import { abortSignal, checkOptions, type OptionRule, oneOf } from './check-options.ts'
import { type FileTypeConfig, fileTypeConfig } from './file-type-config.ts'
import { fileTypeFeatures } from './file-type-features.ts'
import { readBeside } from './model-folder.ts'
import { requireTensorModel } from './require-tensor-model.ts'

/** Options of {@link identifyFileType}. */
export interface IdentifyFileTypeOptions {
  /**
   * How sure the model must be to be believed: `high` asks what its authors recommend for each type, `medium` the same of
   * all, `best-guess` nothing. Default `high`.
   */
  readonly confidence?: 'high' | 'medium' | 'best-guess' | undefined
  readonly signal?: AbortSignal | undefined
}

/** What {@link identifyFileType} finds. */
export interface FileType {
  /** The type told: that of the model where it is sure enough, else `txt` or `unknown`; `empty` for no bytes. */
  readonly label: string
  /** What the model says; `undefined` when the content was too short to ask it. */
  readonly modelLabel: string | undefined
  /** The model's probability, 1 when it was not asked. */
  readonly score: number
  /** Why `label` is not `modelLabel`: the model is not sure, or its authors tell this type under another name. */
  readonly overwritten: 'no' | 'low-confidence' | 'renamed'
}

const RULES: Readonly<Record<string, OptionRule>> = { confidence: oneOf('high', 'medium', 'best-guess'), signal: abortSignal }

/** Types that are text, so that an unsure answer is `txt`. Source: the content types of Magika 3. */
const TEXT_LABELS = new Set(
  (
    'aidl appleplist asm asp autohotkey autoit awk batch bazel bib c clojure cmake cobol coffeescript cpp cs csproj css csv dart diff dm ' +
    'dockerfile dxf elixir eml erb erlang fortran gemfile gemspec gitattributes gitmodules go gradle groovy handlebars haskell hcl ' +
    'htaccess html ics ignorefile ini internetshortcut ipynb java javascript jinja json jsonl julia kotlin latex lisp lua m3u m4 makefile ' +
    'markdown matlab mht mum objectivec ocaml pascal pem perl php po powershell prolog proteindb proto python r randomtxt rdf rst rtf ruby ' +
    'rust scala scss sgml shell smali solidity sql srt stltext sum svg swift tcl textproto toml tsv twig txt typescript vba vcxproj ' +
    'verilog vhdl vtt vue winregistry xml yaml yara zig'
  ).split(' '),
)

/**
 * Tells what kind of file something is, by a Magika model with its config.min.json beside it. Of a file only the two
 * ends are read.
 *
 * @param content - a path or file URL, or the bytes themselves
 * @throws HenceError `OPTION_INVALID` (another model), `CONFIG_INVALID`, about the file, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { identifyFileType, load } from 'hence'
 * const model = await load('magika/model.onnx')
 * const { label, score } = await identifyFileType(model, 'upload.bin')
 * ```
 */
export async function identifyFileType(
  model: TensorModel,
  content: string | URL | Uint8Array,
  options: IdentifyFileTypeOptions = {},
): Promise<FileType> {
  checkOptions('identifyFileType', options, RULES)
  const { confidence = 'high', signal } = options
  throwIfAborted(signal)
  requireTensorModel('identifyFileType', model)
  const config = await configOf(model)
  const { head, tail, size } = await readEnds(content, config.blockBytes, signal)
  if (size === 0) return { label: 'empty', modelLabel: undefined, score: 1, overwritten: 'no' }
  const { begin, end } = fileTypeFeatures(head, tail, config)
  const isShort = size < config.minFileBytes || (config.minFileBytes > 0 && begin[config.minFileBytes - 1] === config.paddingToken)
  if (isShort) return { label: isUtf8(head) ? 'txt' : 'unknown', modelLabel: undefined, score: 1, overwritten: 'no' }
  const description = model.describe()
  const data = new Int32Array(begin.length + end.length)
  data.set(begin)
  data.set(end, begin.length)
  const outputs = await model.run(
    { [description.inputs[0]!.name]: { dtype: 'i32', shape: [1, data.length], data } satisfies Tensor<'i32'> },
    { signal },
  )
  const output = outputs[description.outputs[0]!.name]!
  if (!('data' in output) || output.dtype !== 'f32' || output.data.length !== config.labels.length)
    throw new HenceError('CONFIG_INVALID', 'config.min.json has other labels than the model', { labels: config.labels.length })
  const scores = output.data as Float32Array
  const best = scores.reduce((top, score, i) => (score > scores[top]! ? i : top), 0)
  return judge(config.labels[best]!, scores[best]!, config, confidence)
}

function judge(modelLabel: string, score: number, config: FileTypeConfig, confidence: 'high' | 'medium' | 'best-guess'): FileType {
  const renamed = config.overwrites.get(modelLabel) ?? modelLabel
  const least = {
    'best-guess': Number.NEGATIVE_INFINITY,
    medium: config.mediumConfidence,
    high: config.thresholds.get(modelLabel) ?? config.mediumConfidence,
  }[confidence]
  const label = score >= least ? renamed : TEXT_LABELS.has(renamed) ? 'txt' : 'unknown'
  const overwritten = label === modelLabel ? 'no' : score >= least ? 'renamed' : 'low-confidence'
  return { label, modelLabel, score, overwritten }
}

async function configOf(model: TensorModel): Promise<FileTypeConfig> {
  const { inputs, outputs, source } = model.describe()
  const json = await readBeside(model, 'config.min.json')
  if (!json)
    throw new HenceError('OPTION_INVALID', `identifyFileType: there is no config.min.json beside ${source}`, {
      path: source,
      hint: 'Put the files of a Magika model into one folder.',
    })
  const config = fileTypeConfig(json)
  if (inputs.length === 1 && inputs[0]!.dtype === 'i32' && outputs.length === 1) return config
  throw new HenceError('OPTION_INVALID', `identifyFileType: ${source} is not a Magika model of version 3`, { path: source, inputs })
}

async function readEnds(
  content: string | URL | Uint8Array,
  blockBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ head: Uint8Array; tail: Uint8Array; size: number }> {
  if (content instanceof Uint8Array)
    return { head: content.subarray(0, blockBytes), tail: content.subarray(Math.max(0, content.length - blockBytes)), size: content.length }
  const path = content instanceof URL || content.startsWith('file://') ? fileURLToPath(content) : content
  const file = await ByteFile.open(path)
  try {
    const { size } = file
    const length = Math.min(size, blockBytes)
    return { head: await file.read(0, length, signal), tail: await file.read(size - length, length, signal), size }
  } finally {
    await file.close()
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

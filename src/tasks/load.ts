import { fileURLToPath } from 'node:url'
import {
  HenceError,
  type LanguageModel,
  type ModelDescription,
  type TensorModel,
  type TensorModelDescription,
  throwIfAborted,
} from '../core/index.ts'
import { detectFormat } from '../formats/index.ts'
import { findModel } from '../hub/index.ts'
import { BACKEND_NAMES, type EngineOptions, KV_TYPES, planEngine, startEngine } from '../llm/index.ts'
import { abortSignal, boolean, callback, checkOptions, integer, number, type OptionRule, oneOf, text } from './check-options.ts'
import { describeModel } from './describe-model.ts'
import { encoderFolder, inspectEncoder, loadEncoder } from './encoder/load-encoder.ts'
import { createLanguageModel } from './language-model.ts'
import { type CausalGraphDescription, type CausalGraphModel, type LoadCausalOptions, loadCausalGraph } from './load-causal-graph.ts'
import { type LoadNetworkOptions, loadNetwork, type NetworkModel, type NetworkModelDescription } from './load-network.ts'
import { type OpenModelOptions, openModel } from './open-model.ts'
import { inspectTensorModel, loadTensorModel, type TensorModelOptions } from './open-tensor-model.ts'
import { inspectSeq2Seq, loadSeq2Seq, seq2seqFolder } from './seq2seq/index.ts'

/** Options of {@link load} for language models. */
export interface LoadOptions extends EngineOptions, OpenModelOptions {}

/** Options of {@link load} for tensor models. */
export type LoadTensorOptions = TensorModelOptions

/** Options of {@link load} where the kind is told from the content. */
export type LoadAnyOptions = LoadOptions & LoadTensorOptions & LoadCausalOptions

type ModelKind = 'language' | 'tensor' | 'network' | 'causal'

/** Refuses a source of another kind, and tells the compiler which one it is. */
interface OfKind<Kind extends ModelKind> {
  readonly kind: Kind
}

const SHARED_RULES: Readonly<Record<string, OptionRule>> = {
  kind: oneOf('language', 'tensor', 'network', 'causal'),
  backend: oneOf(...BACKEND_NAMES),
  threads: integer(1, 256),
  target: text,
  precision: oneOf('exact', 'fast'),
  signal: abortSignal,
  onProgress: callback,
}
const LANGUAGE_RULES: Readonly<Record<string, OptionRule>> = {
  ...SHARED_RULES,
  context: integer(1, 2 ** 27),
  kvType: oneOf(...KV_TYPES),
  tokenizer: value =>
    typeof value === 'string' || (typeof value === 'object' && value !== null && 'encode' in value) ? undefined : 'a path or a tokenizer',
  chatTemplate: text,
  prefixCache: boolean,
  stallMs: number(1, 3_600_000),
  maxWaiting: integer(1, 1e9),
  prefixCacheFolder: text,
  prefixCacheBytes: integer(1, Number.MAX_SAFE_INTEGER),
}
/** What options of tensor models may be. */
export const TENSOR_RULES: Readonly<Record<string, OptionRule>> = {
  ...SHARED_RULES,
  maxLoopIterations: integer(1, Number.MAX_SAFE_INTEGER),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
}

const NETWORK_RULES: Readonly<Record<string, OptionRule>> = { kind: oneOf('network'), signal: abortSignal }
const CAUSAL_RULES: Readonly<Record<string, OptionRule>> = {
  kind: oneOf('causal'),
  signal: abortSignal,
  hidden: value => (Array.isArray(value) && value.every(name => typeof name === 'string') ? undefined : 'a list of names'),
  data: value => (typeof value === 'object' && value !== null && Symbol.iterator in value ? undefined : 'an iterable of cases'),
}
const RULES = { language: LANGUAGE_RULES, tensor: TENSOR_RULES, network: NETWORK_RULES, causal: CAUSAL_RULES } as const
const NOUNS = { language: 'language model', tensor: 'tensor model', network: 'Bayesian network', causal: 'causal graph' } as const

/** A path or URL that ends like a graph file. */
type GraphSource = `${string}.onnx`
/** One that ends like a language model. */
type LanguageSource = `${string}.gguf`
/** One that ends like a Bayesian network. */
type NetworkSource = `${string}.${'bif' | 'bif.gz' | 'xmlbif' | 'xdsl' | 'uai'}`
/** One that ends like a causal graph. */
type CausalSource = `${string}.causal`

/**
 * Loads a model. Language models: a GGUF file (any part of a split one), a Hugging Face folder, a safetensors file with its
 * config.json, a llama2.c checkpoint. Tensor models: an ONNX file, a Hugging Face folder of an encoder. Bayesian networks: BIF, XMLBIF,
 * UAI, XDSL or JSON, also packed with gzip. Causal graphs: text or JSON. What it is, is told from its content; the compiler knows it
 * from the end of a literal path or from `kind`.
 *
 * A model of the Hugging Face hub is loaded from the hub's cache, and fetched into it the first time.
 *
 * @param source - path, file URL, or name on the hub: `org/name`, `org/name:Q4_K_M`, `org/name@revision`, `hf://org/name/file`
 * @throws HenceError about the file, its configuration, its tensors or operators, memory, or the backend
 * @example
 * ```ts
 * import { load } from 'hence'
 * const model = await load('model.gguf')
 * const { text } = await model.generate('Once upon a time', { maxTokens: 50 }).done()
 * model.dispose()
 * ```
 */
export async function load(source: GraphSource, options?: LoadTensorOptions): Promise<TensorModel>
export async function load(source: string | URL, options: LoadTensorOptions & OfKind<'tensor'>): Promise<TensorModel>
export async function load(source: LanguageSource, options?: LoadOptions): Promise<LanguageModel>
export async function load(source: string | URL, options: LoadOptions & OfKind<'language'>): Promise<LanguageModel>
export async function load(source: NetworkSource, options?: LoadNetworkOptions): Promise<NetworkModel>
export async function load(source: string | URL, options: LoadNetworkOptions & OfKind<'network'>): Promise<NetworkModel>
export async function load(source: CausalSource, options?: LoadCausalOptions): Promise<CausalGraphModel>
export async function load(source: string | URL, options: LoadCausalOptions & OfKind<'causal'>): Promise<CausalGraphModel>
export async function load(
  source: string | URL,
  options?: LoadAnyOptions,
): Promise<LanguageModel | TensorModel | NetworkModel | CausalGraphModel>
export async function load(
  source: string | URL,
  options: LoadAnyOptions & Partial<OfKind<ModelKind>> = {},
): Promise<LanguageModel | TensorModel | NetworkModel | CausalGraphModel> {
  const { kind, path, encoder, seq2seq } = await recognise('load', source, options)
  if (kind === 'network') return loadNetwork(path, options)
  if (kind === 'causal') return loadCausalGraph(path, options)
  if (encoder !== undefined) return loadEncoder(encoder, options)
  if (seq2seq !== undefined) return loadSeq2Seq(seq2seq, options)
  if (kind === 'tensor') return loadTensorModel(path, options)
  const model = await openModel(path, options)
  try {
    const { engine, plan, backend } = await startEngine(model.decoder, options)
    const { name, threads } = backend
    const description = { ...describeModel(model, plan), backend: { name, threads, kernelShare: engine.decoder.executable.kernelShare } }
    return createLanguageModel({ model, engine, backend, description })
  } finally {
    await model.decoder.checkpoint.close()
  }
}

/**
 * Describes a model without preparing it to run: sizes, formats, memory. A context that does not fit is described by the
 * largest one that does.
 *
 * @throws HenceError as {@link load}, except `OUT_OF_MEMORY`
 */
export async function inspect(source: GraphSource, options?: LoadTensorOptions): Promise<TensorModelDescription>
export async function inspect(source: string | URL, options: LoadTensorOptions & OfKind<'tensor'>): Promise<TensorModelDescription>
export async function inspect(source: LanguageSource, options?: LoadOptions): Promise<ModelDescription>
export async function inspect(source: string | URL, options: LoadOptions & OfKind<'language'>): Promise<ModelDescription>
export async function inspect(source: NetworkSource, options?: LoadNetworkOptions): Promise<NetworkModelDescription>
export async function inspect(source: string | URL, options: LoadNetworkOptions & OfKind<'network'>): Promise<NetworkModelDescription>
export async function inspect(source: CausalSource, options?: LoadCausalOptions): Promise<CausalGraphDescription>
export async function inspect(source: string | URL, options: LoadCausalOptions & OfKind<'causal'>): Promise<CausalGraphDescription>
export async function inspect(
  source: string | URL,
  options?: LoadAnyOptions,
): Promise<ModelDescription | TensorModelDescription | NetworkModelDescription | CausalGraphDescription>
export async function inspect(
  source: string | URL,
  options: LoadAnyOptions & Partial<OfKind<ModelKind>> = {},
): Promise<ModelDescription | TensorModelDescription | NetworkModelDescription | CausalGraphDescription> {
  const { kind, path, encoder, seq2seq } = await recognise('inspect', source, options)
  if (kind === 'network') return (await loadNetwork(path, options)).describe()
  if (kind === 'causal') return (await loadCausalGraph(path, options)).describe()
  if (encoder !== undefined) return inspectEncoder(encoder, options)
  if (seq2seq !== undefined) return inspectSeq2Seq(seq2seq, options)
  if (kind === 'tensor') return inspectTensorModel(path, options)
  const model = await openModel(path, options)
  try {
    return describeModel(model, planEngine(model.decoder, options))
  } finally {
    await model.decoder.checkpoint.close()
  }
}

/** What a source is. */
interface Recognised {
  readonly kind: ModelKind
  readonly path: string
  /** The folder of an encoder. */
  readonly encoder: string | undefined
  /** The folder of an encoder–decoder. */
  readonly seq2seq: string | undefined
}

/** The kind of a source, and its options checked for that kind. */
async function recognise(where: string, source: string | URL, options: LoadAnyOptions & Partial<OfKind<ModelKind>>): Promise<Recognised> {
  checkOptions(where, options, { ...CAUSAL_RULES, ...LANGUAGE_RULES, ...TENSOR_RULES })
  throwIfAborted(options.signal)
  const { kind: wanted, signal, onProgress } = options
  const path =
    wanted === 'network' || wanted === 'causal' ? pathOf(source) : await findModel(pathOf(source), { kind: wanted, signal, onProgress })
  const found = await detectFormat(path)
  const encoder = await encoderFolder(found, signal)
  const seq2seq = await seq2seqFolder(found, signal)
  const kind =
    found.kind === 'network' || found.kind === 'causal'
      ? found.kind
      : found.kind === 'onnx' || encoder !== undefined
        ? 'tensor'
        : 'language'
  if (options.kind !== undefined && options.kind !== kind)
    throw new HenceError('OPTION_INVALID', `${where}: ${path} is a ${NOUNS[kind]}, not a ${NOUNS[options.kind]}`, {
      path,
      kind,
      hint: `Leave { kind } out, or say kind: '${kind}'.`,
    })
  checkOptions(`${where} (a ${NOUNS[kind]})`, options, RULES[kind])
  return { kind, path: kind === 'tensor' ? found.path : path, encoder, seq2seq }
}

function pathOf(source: string | URL): string {
  if (typeof source === 'string' && source !== '') return source.startsWith('file://') ? fileURLToPath(source) : source
  if (source instanceof URL && source.protocol === 'file:') return fileURLToPath(source)
  throw new HenceError('OPTION_INVALID', `load: the source must be a path or a file URL, is ${JSON.stringify(String(source))}`)
}

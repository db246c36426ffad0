import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { HenceError } from '../core/index.ts'
import { gzipHead, isGzip, networkFormatOf, networkText } from './bayes/index.ts'
import { ByteFile, fileNotFound } from './byte-file.ts'
import { looksLikeCausalGraph } from './causal/index.ts'
import { listFolder } from './huggingface/open-folder.ts'
import { MAX_JSON_BYTES, readJsonObject } from './json-file.ts'
import { LLAMA2C_HEADER_BYTES, looksLikeLlama2c } from './llama2c/header.ts'
import { looksLikeOnnx } from './onnx/looks-like-onnx.ts'
import { looksLikeSafetensors } from './safetensors/header.ts'

/** Kinds of model source that Hence recognises. */
export type FormatKind = 'gguf' | 'huggingface' | 'safetensors' | 'llama2c' | 'onnx' | 'network' | 'causal'

/** Bytes that text formats are told by. */
const HEAD_BYTES = 4096

/** What is at a path, and the path to open it by: a folder for `huggingface`, else a file. */
export interface DetectedFormat {
  readonly kind: FormatKind
  readonly path: string
}

/** Files that are often mistaken for models Hence reads, by how they begin. */
const FOREIGN: readonly { readonly begins: string; readonly at?: number; readonly what: string }[] = [
  { begins: 'version https://git-lfs', what: 'a Git LFS pointer, not the file itself; fetch it with `git lfs pull`' },
  { begins: 'PK\x03\x04', what: 'a ZIP archive, perhaps PyTorch weights; convert them to safetensors' },
  { begins: '\x80\x02', what: 'a Python pickle, perhaps PyTorch weights; convert them to safetensors' },
  { begins: '<!DOCTYPE', what: 'a web page, perhaps an error page saved in place of the file' },
  { begins: '<html', what: 'a web page, perhaps an error page saved in place of the file' },
  { begins: 'lmgg', what: 'a ggml file from before GGUF; convert it to GGUF' },
  { begins: 'tjgg', what: 'a ggml file from before GGUF; convert it to GGUF' },
  { begins: 'fmgg', what: 'a ggml file from before GGUF; convert it to GGUF' },
  { begins: 'TFL3', at: 4, what: 'a TensorFlow Lite model' },
  { begins: '\x89HDF', what: 'an HDF5 file, perhaps Keras weights' },
  { begins: '\x1f\x8b', what: 'a gzip archive; unpack it first' },
]

/**
 * Tells what kind of model a file or folder is by its content, never by its name alone.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FORMAT_UNKNOWN` with what was seen
 */
export async function detectFormat(path: string): Promise<DetectedFormat> {
  const absolute = resolve(path)
  const stats = await stat(absolute).catch(() => undefined)
  if (stats === undefined) throw await fileNotFound(absolute)
  return stats.isDirectory() ? detectFolder(absolute) : detectFile(absolute)
}

async function detectFolder(folder: string): Promise<DetectedFormat> {
  const names = await listFolder(folder)
  const graphs = names.filter(name => name.endsWith('.onnx'))
  if (names.includes('config.json')) {
    // A configuration beside a graph and no weights of its own describes the graph.
    const isGraph = graphs.length === 1 && !names.some(name => /\.safetensors(\.index\.json)?$/.test(name))
    return isGraph ? detectFile(join(folder, graphs[0]!)) : { kind: 'huggingface', path: folder }
  }
  // One model per folder: all parts of a split GGUF count as one, opened by its first.
  const ggufs = names.filter(name => name.endsWith('.gguf') && !(/-\d{5}-of-\d{5}\.gguf$/.test(name) && !name.includes('-00001-of-')))
  if (ggufs.length === 1) return detectFile(join(folder, ggufs[0]!))
  const index = names.filter(name => name.endsWith('.safetensors.index.json'))
  if (index.length === 1) return { kind: 'safetensors', path: join(folder, index[0]!) }
  if (graphs.length === 1) return detectFile(join(folder, graphs[0]!))
  const weights = names.filter(name => name.endsWith('.safetensors'))
  if (weights.length === 1) return detectFile(join(folder, weights[0]!))
  const binaries = names.filter(name => name.endsWith('.bin'))
  for (const name of binaries.slice(0, 10)) {
    const detected = await detectFile(join(folder, name)).catch(() => undefined)
    if (detected?.kind === 'llama2c') return detected
  }
  const several =
    ggufs.length > 1
      ? `; it holds ${ggufs.length} GGUF models, name one of them`
      : graphs.length > 1
        ? `; it holds ${graphs.length} ONNX graphs, name one of them`
        : ''
  const shown = names.length === 0 ? 'nothing' : names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '')
  throw new HenceError(
    'FORMAT_UNKNOWN',
    `${folder} is not a model folder: no config.json, no single weight file; it holds ${shown}${several}`,
    {
      path: folder,
      names: names.slice(0, 10),
      nameCount: names.length,
    },
  )
}

async function detectFile(path: string): Promise<DetectedFormat> {
  const { head: longHead, size } = await readHead(path)
  const head = longHead.subarray(0, LLAMA2C_HEADER_BYTES)
  if (networkFormatOf(networkText(isGzip(longHead) ? gzipHead(longHead) : longHead)) !== undefined) return { kind: 'network', path }
  if (looksLikeCausalGraph(networkText(longHead))) return { kind: 'causal', path }
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  if (text.startsWith('GGUF')) return { kind: 'gguf', path }
  if (looksLikeSafetensors(head)) return { kind: 'safetensors', path }
  if (/^\s*\{/.test(text)) return detectJson(path)
  if (looksLikeOnnx(head)) return { kind: 'onnx', path }
  const foreign = FOREIGN.find(({ begins, at = 0 }) => text.startsWith(begins, at))
  if (foreign === undefined && looksLikeLlama2c(head)) return { kind: 'llama2c', path }
  throw new HenceError('FORMAT_UNKNOWN', `${path} is ${foreign?.what ?? 'not a model Hence knows'}; ${describeHead(head, size)}`, {
    path,
    size,
    firstBytes: hex(head),
  })
}

async function readHead(path: string): Promise<{ head: Uint8Array; size: number }> {
  const file = await ByteFile.open(path)
  try {
    return { head: await file.read(0, Math.min(file.size, HEAD_BYTES)), size: file.size }
  } finally {
    await file.close()
  }
}

/** `config.json` stands for its folder, an index for the weights it lists. */
async function detectJson(path: string): Promise<DetectedFormat> {
  const content = await readJsonObject(path, MAX_JSON_BYTES)
  if ('weight_map' in content) return { kind: 'safetensors', path }
  if ('model_type' in content || 'architectures' in content) return { kind: 'huggingface', path: dirname(path) }
  throw new HenceError(
    'FORMAT_UNKNOWN',
    `${basename(path)} is JSON but neither a model's config.json nor a safetensors index; its keys are ${Object.keys(content).slice(0, 10).join(', ')}`,
    {
      path,
      keys: Object.keys(content).slice(0, 10),
    },
  )
}

function describeHead(head: Uint8Array, size: number): string {
  return size === 0 ? 'it is empty' : `it has ${size} bytes and begins with ${hex(head)}`
}

function hex(head: Uint8Array): string {
  return Array.from(head.subarray(0, 8), byte => byte.toString(16).padStart(2, '0')).join(' ')
}

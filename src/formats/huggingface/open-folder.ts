import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { HenceError } from '../../core/index.ts'
import { fileNotFound } from '../byte-file.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { MAX_JSON_BYTES, MAX_TOKENIZER_JSON_BYTES, readJsonObject, readSmallFile } from '../json-file.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { normalizeHuggingFaceConfig } from './config.ts'
import { withMxfp4Tensors } from './mxfp4-tensors.ts'

/** An open Hugging Face model folder. Absent files are absent fields. */
export interface HuggingFaceFolder {
  readonly path: string
  /** `config.json` as {@link normalizeHuggingFaceConfig} spells it. */
  readonly config: Record<string, unknown>
  readonly generationConfig?: Record<string, unknown>
  readonly tokenizerJson?: Record<string, unknown>
  readonly tokenizerConfig?: Record<string, unknown>
  readonly specialTokensMap?: Record<string, unknown>
  /** Text of `chat_template.jinja`, or of the template in `chat_template.json`. */
  readonly chatTemplate?: string
  readonly checkpoint: Checkpoint
}

const SHARD_NAME = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/

/**
 * Opens a folder in Hugging Face layout: `config.json`, safetensors weights, and the tokenizer's files if present.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TRUNCATED`, `FILE_MALFORMED`, `FILE_LIMIT`,
 * `FORMAT_UNSUPPORTED`, `ABORTED`
 */
export async function openHuggingFaceFolder(path: string, options: { signal?: AbortSignal | undefined } = {}): Promise<HuggingFaceFolder> {
  const { signal } = options
  const folder = resolve(path)
  const names = new Set(await listFolder(folder))
  const optional = async (name: string, limit: number): Promise<Record<string, unknown> | undefined> =>
    names.has(name) ? readJsonObject(join(folder, name), limit, signal) : undefined
  const config = normalizeHuggingFaceConfig(await readJsonObject(join(folder, 'config.json'), MAX_JSON_BYTES, signal))
  const generationConfig = await optional('generation_config.json', MAX_JSON_BYTES)
  const tokenizerJson = await optional('tokenizer.json', MAX_TOKENIZER_JSON_BYTES)
  const tokenizerConfig = await optional('tokenizer_config.json', MAX_JSON_BYTES)
  const specialTokensMap = await optional('special_tokens_map.json', MAX_JSON_BYTES)
  const chatTemplate = await readChatTemplate(folder, names, signal)
  const checkpoint = await openWeights(folder, names, options)
  return {
    path: folder,
    config,
    ...(generationConfig && { generationConfig }),
    ...(tokenizerJson && { tokenizerJson }),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(specialTokensMap && { specialTokensMap }),
    ...(chatTemplate !== undefined && { chatTemplate }),
    checkpoint,
  }
}

/** Names in a folder. */
export async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code
    if (reason === 'ENOENT') throw await fileNotFound(folder)
    throw new HenceError('FILE_UNREADABLE', `cannot list ${folder}: ${reason ?? 'unknown reason'}`, { path: folder, reason, cause })
  }
}

async function openWeights(folder: string, names: ReadonlySet<string>, options: { signal?: AbortSignal | undefined }): Promise<Checkpoint> {
  const checkpoint = await openSafetensors(weightsOf(folder, names), options)
  try {
    return withMxfp4Tensors(checkpoint)
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/** What {@link openSafetensors} should open for the weights of a folder. */
function weightsOf(folder: string, names: ReadonlySet<string>): string | string[] {
  for (const name of ['model.safetensors', 'model.safetensors.index.json']) if (names.has(name)) return join(folder, name)
  const files = [...names].filter(name => name.endsWith('.safetensors')).sort()
  const shard = SHARD_NAME.exec(files[0] ?? '')
  if (files.length === 1 && shard === null) return join(folder, files[0]!)
  if (shard !== null) return completeShards(folder, names, shard)
  const pickled = [...names].filter(name => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(name))
  if (files.length === 0 && pickled.length > 0)
    throw new HenceError(
      'FORMAT_UNSUPPORTED',
      `${folder}: the weights are in ${pickled.slice(0, 5).join(', ')}; Hence reads safetensors, which needs no code to be run`,
      {
        path: folder,
        files: pickled,
        hint: 'Convert the weights to safetensors with the library that made them, or get the model in safetensors or GGUF.',
      },
    )
  if (files.length === 0)
    throw new HenceError('FILE_NOT_FOUND', `${folder}: there is no .safetensors file beside config.json`, { path: folder })
  throw new HenceError('FORMAT_UNSUPPORTED', `${folder}: several weight files and no index: ${files.slice(0, 10).join(', ')}`, {
    path: folder,
    files,
  })
}

function completeShards(folder: string, names: ReadonlySet<string>, [, stem, , total]: RegExpExecArray): string[] {
  const count = Math.min(Number(total), 99_999)
  const expected = Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${total}.safetensors`)
  const missing = expected.filter(name => !names.has(name))
  if (missing.length > 0)
    throw new HenceError(
      'FILE_NOT_FOUND',
      `${folder}: ${missing.length} of ${count} weight files are missing: ${missing.slice(0, 10).join(', ')}`,
      { path: folder, missing },
    )
  return expected.map(name => join(folder, name))
}

async function readChatTemplate(folder: string, names: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<string | undefined> {
  if (names.has('chat_template.jinja')) {
    const bytes = await readSmallFile(join(folder, 'chat_template.jinja'), MAX_JSON_BYTES, signal)
    return new TextDecoder().decode(bytes)
  }
  if (!names.has('chat_template.json')) return undefined
  const { chat_template: template } = await readJsonObject(join(folder, 'chat_template.json'), MAX_JSON_BYTES, signal)
  return typeof template === 'string' ? template : undefined
}

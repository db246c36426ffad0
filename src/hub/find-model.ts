import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HenceError, isHenceError } from '../core/index.ts'
import { cachedCommit, listSnapshot, repositoryCache, snapshotFolder } from './hub-cache.ts'
import { type HubName, parseHubName } from './hub-name.ts'
import type { Hub } from './hub-request.ts'
import { hubSettings } from './hub-settings.ts'
import { type LocalModel, localModel, type PullOptions, pullModel } from './pull.ts'
import { type Selection, selectFiles, type Wish } from './select-files.ts'

/** How {@link findModel} searches. */
export interface FindOptions extends Pick<PullOptions, 'kind' | 'onProgress'> {
  readonly signal?: AbortSignal | undefined
}

const TOKENIZER = /(^|\/)(tokenizer[^/]*|vocab\.(json|txt)|spiece\.model)$/

/**
 * The path of a model that is given by a path or by its name on the hub. What is on the disk is taken as it is; what is in
 * the hub's cache is used without asking the hub; anything else is fetched.
 *
 * @returns `source` itself where it is a path
 * @throws HenceError as {@link pullModel}
 */
export async function findModel(source: string, options: FindOptions = {}): Promise<string> {
  const isUri = source.startsWith('hf://')
  if (!isUri && (await stat(source).catch(() => undefined))) return source
  const name = parseHubName(source)
  if (!name) return source
  const hub: Hub = { settings: await hubSettings(), signal: options.signal }
  const cached = await cachedModel(hub, name, options)
  if (cached && (cached.isWhole || hub.settings.isOffline)) return cached.model.path
  try {
    return (await pullModel(hub, name, options)).path
  } catch (error) {
    if (!isHenceError(error)) throw error
    if (cached && error.code === 'HUB_UNREACHABLE') return cached.model.path
    if (isUri || (error.code !== 'HUB_NOT_FOUND' && error.code !== 'HUB_UNREACHABLE')) throw error
    throw new HenceError(error.code, `${error.message}; nor is there a file or folder ${source} here`, {
      ...error.details,
      path: source,
      hint: error.hint,
      cause: error,
    })
  }
}

/** A model in the cache. `isWhole` is false where other clients may have fetched weights without a tokenizer. */
async function cachedModel(
  hub: Hub,
  name: HubName,
  { kind }: Pick<Wish, 'kind'>,
): Promise<{ model: LocalModel; isWhole: boolean } | undefined> {
  const { repository, revision, variant, file } = name
  const cache = repositoryCache(hub.settings.cacheFolder, repository)
  const commit = await cachedCommit(cache, revision)
  if (commit === undefined) return undefined
  const paths = await listSnapshot(cache, commit)
  let selection: Selection
  try {
    selection = selectFiles(repository, paths, { variant, file, kind })
  } catch (error) {
    if (isHenceError(error)) return undefined
    throw error
  }
  const files = await Promise.all(
    selection.paths.map(async path => ({ path, bytes: (await stat(join(snapshotFolder(cache, commit), path))).size, isNew: false })),
  )
  const isWhole = selection.format !== 'safetensors' || paths.some(path => TOKENIZER.test(path))
  return { model: localModel(cache, name, commit, selection, files), isWhole }
}

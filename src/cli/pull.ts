import { HenceError, isHenceError } from '../core/index.ts'
import {
  atRevision,
  type CachedRepository,
  type DownloadProgress,
  hubCacheFolder,
  hubSettings,
  type LocalModel,
  listHubCache,
  parseHubName,
  pullModel,
  removeFromHubCache,
} from '../hub/index.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { listFlag, switchFlag, textFlag, usageError } from './flags.ts'
import { formatAge, formatBytes, formatMs, formatPlural } from './format.ts'
import type { Io } from './io.ts'
import { progressBar } from './progress.ts'
import { tableLines } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  revision: textFlag('NAME', 'branch, tag or commit', 'main'),
  file: listFlag('GLOB', 'fetches these files instead of what a model needs'),
  list: switchFlag('lists the models that are in the cache'),
  remove: switchFlag('deletes the named model from the cache, with all its revisions'),
}

export const pullCommand: Command = defineCommand({
  name: 'pull',
  summary: 'fetches a model from the Hugging Face hub, or brings it up to date',
  usage: 'pull NAME',
  flags: FLAGS,
  notes: [
    'NAME is org/name, org/name:Q4_K_M for one of several quantisations, hf://org/name/FILE for one of several models, or the',
    'address of a page of the hub. Without a quantisation it is Q4_K_M or the nearest there is. A download that was stopped goes',
    'on where it stopped. Files are kept in the cache that Python and other clients of the hub share; see docs/hub.md.',
    '',
    'Environment: HF_TOKEN for models that need one, HF_HUB_CACHE for another folder, HF_ENDPOINT for another hub.',
  ],
  examples: [
    'hence pull Qwen/Qwen3-0.6B-GGUF',
    'hence pull unsloth/Qwen3-4B-GGUF:Q6_K',
    'hence pull org/name --revision v1.0 --file "onnx/*_q4*" --file "*.json"',
    'hence pull --list',
    'hence pull org/name --remove',
  ],
  run,
})

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  const [given, ...others] = positionals
  if (flags.list) {
    if (given !== undefined || flags.remove) throw usageError('--list takes no name and no other flag', { hint: 'hence pull --list' })
    return list(io, flags.json)
  }
  if (given === undefined || others.length > 0)
    throw usageError(`hence pull needs one name, got ${formatPlural(positionals.length, 'argument')}`, { hint: 'hence pull org/name' })
  const parsed = parseHubName(given)
  if (!parsed)
    throw usageError(`"${given}" is no name of a model on the hub`, {
      name: given,
      hint: 'Write org/name, or org/name:Q4_K_M for a quantisation.',
    })
  if (flags.remove) return remove(io, parsed.repository, flags.json)
  const name = flags.revision === undefined ? parsed : atRevision(parsed, flags.revision)
  if (flags.file.length > 0 && (name.variant !== undefined || name.file !== undefined))
    throw usageError('--file takes the place of a quantisation or a file in the name', { name: given })
  const progress = progressBar(io, flags.json)
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  const begun = performance.now()
  let reached: DownloadProgress | undefined
  try {
    const hub = { settings: await hubSettings(), signal: controller.signal }
    const onProgress = (step: DownloadProgress): void => {
      reached = step
      progress.update(step)
    }
    const model = await pullModel(hub, name, { globs: flags.file, onProgress })
    progress.clear()
    if (flags.json) writeJson(io, model)
    else report(io, model, performance.now() - begun)
    return EXIT.ok
  } catch (error) {
    throw isHenceError(error, 'ABORTED') && reached ? stopped(reached) : error
  } finally {
    stopListening()
    progress.clear()
  }
}

function stopped({ doneBytes, totalBytes }: DownloadProgress): HenceError {
  return new HenceError('ABORTED', `stopped; ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} are there`, {
    doneBytes,
    totalBytes,
    hint: 'The same command goes on from there.',
  })
}

/** Where the files are and what to do with them. */
function report(io: Io, { name, revision, commit, files, path, format }: LocalModel, ms: number): void {
  const { bold, dim } = styleOf(io.stdout, io.env)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const newBytes = files.filter(({ isNew }) => isNew).reduce((sum, file) => sum + file.bytes, 0)
  const did = newBytes > 0 ? `fetched in ${formatMs(ms)}` : 'all of it was there'
  const rows = files.map(file => [formatBytes(file.bytes), file.path + (file.isNew || newBytes === 0 ? '' : ' (was there)')])
  const at = revision === commit ? commit : `${revision} at ${commit.slice(0, 12)}`
  const next = {
    gguf: `hence run ${name} --prompt "…"`,
    safetensors: `hence run ${name} --prompt "…"`,
    onnx: `hence inspect ${name}`,
    files: '',
  }[format]
  const lines = [
    `${bold(printable(name))}  ${dim(`${at}, ${formatPlural(files.length, 'file')}, ${formatBytes(bytes)}, ${did}`)}`,
    ...tableLines(rows, [0]).map(line => `  ${line}`),
    path,
    ...(next === '' ? [] : [`${dim('next:')} ${printable(next)}`]),
  ]
  io.stdout.write(`${lines.join('\n')}\n`)
}

async function list(io: Io, isJson: boolean): Promise<number> {
  const folder = hubCacheFolder()
  const models = await listHubCache(folder)
  const bytes = models.reduce((sum, model) => sum + model.bytes, 0)
  if (isJson) {
    writeJson(io, { folder, bytes, models })
    return EXIT.ok
  }
  const rows = models.map(model => [formatBytes(model.bytes), ageOf(model), model.repository, contentOf(model)])
  const next = models.length > 0 ? ['`hence pull NAME --remove` deletes one; other programs may use it too'] : []
  io.stdout.write(
    `${[folder, ...tableLines(rows, [0]).map(line => `  ${line}`), `${formatPlural(models.length, 'model')}, ${formatBytes(bytes)}`, ...next].join('\n')}\n`,
  )
  return EXIT.ok
}

function ageOf({ snapshots }: CachedRepository): string {
  const [newest] = snapshots
  return newest && newest.files.length > 0 ? formatAge(Date.now() - newest.modified.getTime()) : ''
}

/** The weights of a model, else what there is. */
function contentOf({ snapshots, unfinishedBytes }: CachedRepository): string {
  const paths = [...new Set(snapshots.flatMap(({ files }) => files.map(({ path }) => path)))]
  const weights = paths.filter(path => /\.(gguf|onnx|safetensors)$/.test(path))
  const shown = weights.length > 0 ? weights : paths
  const more = shown.length > 3 ? ` and ${shown.length - 3} more` : ''
  const unfinished = unfinishedBytes > 0 ? [`${formatBytes(unfinishedBytes)} unfinished`] : []
  return [...(shown.length > 0 ? [shown.slice(0, 3).join(', ') + more] : []), ...unfinished].join('; ')
}

async function remove(io: Io, repository: string, isJson: boolean): Promise<number> {
  const { folder, bytes } = await removeFromHubCache(hubCacheFolder(), repository)
  if (isJson) writeJson(io, { removed: repository, folder, bytes })
  else io.stdout.write(`deleted ${repository}, ${formatBytes(bytes)}\n`)
  return EXIT.ok
}

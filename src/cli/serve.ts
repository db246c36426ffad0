import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { HenceError } from '../core/index.ts'
import type { RunningServer, ServableModel, ServeOptions } from '../server/index.ts'
import { load } from '../tasks/index.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { findSource } from './find-source.ts'
import { choiceFlag, integerFlag, listFlag, numberFlag, switchFlag, textFlag, usageError } from './flags.ts'
import type { Io } from './io.ts'
import { measureReading } from './machine-speed.ts'
import { LOAD_FLAGS, loadOptions, SCHEDULING_FLAGS, schedulingOptions } from './model-flags.ts'
import { progressBar } from './progress.ts'
import { requestLines } from './request-lines.ts'
import { styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  host: textFlag('ADDRESS', 'where to listen; beyond this machine only with a key', '127.0.0.1'),
  port: integerFlag('N', '0 for any that is free', { min: 0, max: 65_535 }, '8000'),
  'api-key': listFlag('KEY', 'requests must carry one of these; better set HENCE_API_KEY, which nobody can list'),
  'insecure-no-key': switchFlag('listens beyond this machine without a key'),
  'tls-cert': textFlag('FILE', 'certificate chain in PEM, for HTTPS'),
  'tls-key': textFlag('FILE', 'its key in PEM'),
  cors: listFlag('ORIGIN', 'lets pages from there call the server, such as https://example.com, or *'),
  'max-body': integerFlag('BYTES', 'largest body of a request', { min: 1, max: 2 ** 31 }, '33,554,432'),
  'max-requests': integerFlag('N', 'sequences and tensor requests at once; more are refused', { min: 1, max: 1e6 }, '1,024'),
  'batch-rows': integerFlag('N', 'rows of tensor requests that share a run; 1 for none', { min: 1, max: 65_536 }, '16'),
  'batch-delay': numberFlag('MS', 'how long a tensor request waits for others', { min: 0, max: 60_000 }, '0'),
  'drain-seconds': integerFlag('N', 'how long Ctrl-C waits for requests under way', { min: 0, max: 86_400 }, '30'),
  log: choiceFlag(['text', 'json', 'off'], 'a line for every request, on standard error', 'text at a terminal, else json'),
  ...LOAD_FLAGS,
  ...SCHEDULING_FLAGS,
}

export const serveCommand: Command = defineCommand({
  name: 'serve',
  summary: 'answers over HTTP: the OpenAI API, the Open Inference Protocol for tensors, questions to networks, and a page',
  usage: 'serve MODEL…',
  flags: FLAGS,
  notes: [
    'A model is served under the name of its file, or as NAME with NAME=MODEL. Several may be given.',
    'Ctrl-C finishes what is under way; a second one ends at once. Neither prompts nor answers are logged.',
  ],
  examples: [
    'hence serve model.gguf',
    'hence serve chat=qwen.gguf squeezenet.onnx --port 9000',
    'HENCE_API_KEY=secret hence serve model.gguf --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem',
  ],
  run,
})

/** A model on the command line. */
interface Source {
  readonly name: string
  /** A path or a name on the hub. */
  readonly source: string
}

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  if (positionals.length === 0) throw usageError('hence serve needs a model', { hint: 'hence serve MODEL…; see `hence help serve`.' })
  const sources = positionals.map(sourceOf)
  checkDistinct(sources)
  const options = serveOptions(flags, io)
  const interrupts = new Interrupts(io)
  const models = loadAll(sources, flags, io, interrupts.first)
  try {
    // Only this command needs what a server needs, which takes a while to read.
    const { serve } = await import('../server/index.ts')
    const server = await serve({ ...options, models })
    try {
      await server.ready()
      announce(server, await served(sources, models), flags, io)
      await interrupts.pressed(1)
    } finally {
      if (interrupts.count > 0 && !flags.json) io.stderr.write('hence: finishing what is under way; Ctrl-C again ends at once\n')
      await Promise.race([server.close(), interrupts.pressed(2)])
    }
    return EXIT.ok
  } finally {
    interrupts.stop()
    for (const loaded of await Promise.allSettled(Object.values(models)))
      if (loaded.status === 'fulfilled') await loaded.value[Symbol.asyncDispose]()
  }
}

/** `NAME=MODEL`, or a path or a name on the hub, whose last part is the name. */
function sourceOf(argument: string): Source {
  const named = /^([\w.:@+/-]+)=(.+)$/.exec(argument)
  const source = named?.[2] ?? argument
  const last = basename(source).replace(/\.(gguf|onnx|bin|safetensors)$/i, '')
  return { name: named?.[1] ?? (last.replaceAll(/[^\w.:@+-]+/g, '-') || 'model'), source }
}

function checkDistinct(sources: readonly Source[]): void {
  const seen = new Map<string, Source>()
  for (const source of sources) {
    const other = seen.get(source.name)
    if (other)
      throw usageError(`${other.source} and ${source.source} would both be served as "${source.name}"`, {
        name: source.name,
        hint: 'Give one of them another name: NAME=MODEL.',
      })
    seen.set(source.name, source)
  }
}

function serveOptions(flags: Call<typeof FLAGS>['flags'], io: Io): Omit<ServeOptions, 'models'> {
  const fromEnvironment = io.env['HENCE_API_KEY']
  const format = flags.log ?? (io.stderr.isTTY ? 'text' : 'json')
  return {
    host: flags.host,
    port: flags.port,
    apiKeys: [...flags['api-key'], ...(fromEnvironment ? [fromEnvironment] : [])],
    insecureNoKey: flags['insecure-no-key'],
    tls: tlsFiles(flags['tls-cert'], flags['tls-key']),
    corsOrigins: flags.cors,
    maxBodyBytes: flags['max-body'],
    maxAdmitted: flags['max-requests'],
    batching: { maxRows: flags['batch-rows'], maxDelayMs: flags['batch-delay'] },
    drainMs: flags['drain-seconds'] === undefined ? undefined : flags['drain-seconds'] * 1_000,
    // A backend of the caller's choice other than the native one does not read as fast as memory gives.
    readBandwidth: flags.backend === 'reference' ? undefined : () => measureReading(flags),
    log: format === 'off' ? undefined : format === 'json' ? io.stderr : requestLines(io),
  }
}

function tlsFiles(cert: string | undefined, key: string | undefined): ServeOptions['tls'] {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) throw usageError('--tls-cert and --tls-key go together')
  return { cert: readPem(cert), key: readPem(key) }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const code = (cause as { code?: string }).code
    throw new HenceError(code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE', `cannot read ${path}`, { path, cause })
  }
}

/** Loads one model after the other, so that a bar can tell of it and weights are not read twice at once. */
function loadAll(
  sources: readonly Source[],
  flags: Call<typeof FLAGS>['flags'],
  io: Io,
  signal: AbortSignal,
): Record<string, Promise<ServableModel>> {
  let before: Promise<unknown> = Promise.resolve()
  const models: Record<string, Promise<ServableModel>> = {}
  for (const { name, source } of sources) {
    const model = before.then(() => loadOne(source, flags, io, signal))
    model.catch(() => {})
    models[name] = model
    before = model
  }
  return models
}

async function loadOne(source: string, flags: Call<typeof FLAGS>['flags'], io: Io, signal: AbortSignal): Promise<ServableModel> {
  const path = await findSource(source, io, flags.json)
  const progress = progressBar(io, flags.json)
  try {
    const model = await load(path, { ...loadOptions(flags), ...schedulingOptions(flags), signal, onProgress: progress.update })
    if (model.kind !== 'causal') return model
    model.dispose()
    throw new HenceError('OPTION_INVALID', `${source} cannot be served: it is a causal graph; ask it with hence run`, { source })
  } finally {
    progress.clear()
  }
}

/** What is served, once it is loaded. */
async function served(sources: readonly Source[], models: Readonly<Record<string, Promise<ServableModel>>>): Promise<ServedModel[]> {
  return Promise.all(sources.map(async source => ({ ...source, kind: (await models[source.name]!).kind })))
}

interface ServedModel extends Source {
  readonly kind: ServableModel['kind']
}

function announce({ url }: RunningServer, models: readonly ServedModel[], flags: Call<typeof FLAGS>['flags'], io: Io): void {
  if (flags.json) {
    writeJson(io, { url, models })
    return
  }
  const { bold, dim } = styleOf(io.stdout, io.env)
  const language = models.find(({ kind }) => kind === 'language')
  const key = flags['api-key'].length > 0 || io.env['HENCE_API_KEY'] ? ' -H "authorization: Bearer $HENCE_API_KEY"' : ''
  const body = language && JSON.stringify({ model: language.name, prompt: 'Once upon a time', max_tokens: 64 })
  const lines = [
    `${bold(url)} serves ${models.map(({ name }) => name).join(', ')}`,
    body
      ? `curl ${url}/v1/completions${key} -H 'content-type: application/json' -d '${body}'`
      : `curl ${url}/${models[0]!.kind === 'network' ? 'v1/networks' : 'v2/models'}/${encodeURIComponent(models[0]!.name)}${key}`,
    dim('A page to try it is at the address itself. Ctrl-C finishes what is under way and leaves.'),
  ]
  io.stdout.write(`${lines.join('\n')}\n`)
}

/** Presses of Ctrl-C. */
class Interrupts {
  count = 0
  readonly #first = new AbortController()
  readonly #waiting: { readonly at: number; resolve(): void }[] = []
  readonly stop: () => void

  constructor(io: Io) {
    this.stop = io.onInterrupt(() => {
      this.count++
      this.#first.abort()
      for (const { at, resolve } of this.#waiting) if (this.count >= at) resolve()
    })
  }

  get first(): AbortSignal {
    return this.#first.signal
  }

  /** Resolves once it was pressed this often. */
  pressed(times: number): Promise<void> {
    if (this.count >= times) return Promise.resolve()
    return new Promise(resolve => {
      this.#waiting.push({ at: times, resolve })
    })
  }
}

import { HenceError, type LanguageModel, nearest, type TensorModel } from '../core/index.ts'

/** Every model that can be served. */
export type ServableModel = LanguageModel | TensorModel

/** A model and where it stands. */
export interface ModelEntry {
  readonly name: string
  /** Seconds since 1970 when the server was given it. */
  readonly created: number
  readonly state: 'loading' | 'ready' | 'failed'
  /** There once it is ready. */
  readonly model?: ServableModel
}

/** The models of a server by name. */
export class ModelRegistry {
  readonly #entries = new Map<string, ModelEntry>()
  readonly #loading: Promise<void>

  /** @param models - those still being loaded as promises, whose failure {@link settled} reports */
  constructor(models: Readonly<Record<string, ServableModel | Promise<ServableModel>>>) {
    const created = Math.floor(Date.now() / 1000)
    const loading: Promise<void>[] = []
    for (const [name, model] of Object.entries(models)) {
      const put = (entry: Pick<ModelEntry, 'state' | 'model'>): unknown => this.#entries.set(name, { name, created, ...entry })
      if (!('then' in model)) {
        put({ state: 'ready', model })
        continue
      }
      put({ state: 'loading' })
      const settle = async (): Promise<void> => {
        try {
          put({ state: 'ready', model: await model })
        } catch (error) {
          put({ state: 'failed' })
          throw error
        }
      }
      loading.push(settle())
    }
    this.#loading = Promise.all(loading).then(() => {})
    this.#loading.catch(() => {})
  }

  list(): ModelEntry[] {
    return [...this.#entries.values()]
  }

  get isReady(): boolean {
    return this.list().every(({ state }) => state === 'ready')
  }

  /** Resolves once all models are loaded. @throws what the first that failed threw */
  settled(): Promise<void> {
    return this.#loading
  }

  /** @throws HenceError `MODEL_UNKNOWN` */
  entry(name: string): ModelEntry {
    const entry = this.#entries.get(name)
    if (entry) return entry
    const close = nearest(name, this.#entries.keys())
    throw new HenceError('MODEL_UNKNOWN', `The model '${shown(name)}' does not exist${close ? `; did you mean '${close}'?` : ''}`, {
      openai: 'model_not_found',
      param: 'model',
    })
  }

  /** @throws HenceError `MODEL_UNKNOWN`, `SERVER_UNAVAILABLE`, `REQUEST_INVALID` for one of the other kind */
  language(name: string): LanguageModel {
    const model = this.#ready(name)
    if (model.kind === 'language') return model
    throw new HenceError('REQUEST_INVALID', `The model '${name}' computes tensors and generates no text; POST /v2/models/${name}/infer`, {
      param: 'model',
    })
  }

  /** @throws HenceError as {@link language} */
  tensor(name: string): TensorModel {
    const model = this.#ready(name)
    if (model.kind === 'tensor') return model
    throw new HenceError('REQUEST_INVALID', `The model '${name}' generates text and takes no tensors`, {
      param: 'model',
    })
  }

  #ready(name: string): ServableModel {
    const { model, state } = this.entry(name)
    if (model) return model
    const why = state === 'loading' ? 'is still being loaded' : 'failed to load'
    throw new HenceError('SERVER_UNAVAILABLE', `The model '${name}' ${why}`, { state })
  }
}

function shown(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name
}

import { HenceError, type LanguageModel, nearest, type TensorModel } from '../core/index.ts'
import type { NetworkModel } from '../tasks/index.ts'

/** Every model that can be served. */
export type ServableModel = LanguageModel | TensorModel | NetworkModel

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

  /** @throws HenceError `MODEL_UNKNOWN`, `SERVER_UNAVAILABLE`, `REQUEST_INVALID` for one of another kind */
  language(name: string): LanguageModel {
    const model = this.#ready(name)
    if (model.kind === 'language') return model
    throw otherKind(name, model, 'generates no text')
  }

  /** @throws HenceError as {@link language} */
  tensor(name: string): TensorModel {
    const model = this.#ready(name)
    if (model.kind === 'tensor') return model
    throw otherKind(name, model, 'takes no tensors')
  }

  /** @throws HenceError as {@link language} */
  network(name: string): NetworkModel {
    const model = this.#ready(name)
    if (model.kind === 'network') return model
    throw otherKind(name, model, 'is no Bayesian network')
  }

  #ready(name: string): ServableModel {
    const { model, state } = this.entry(name)
    if (model) return model
    const why = state === 'loading' ? 'is still being loaded' : 'failed to load'
    throw new HenceError('SERVER_UNAVAILABLE', `The model '${name}' ${why}`, { state })
  }
}

/** What each kind does, and where. */
const PURPOSES: Readonly<Record<ServableModel['kind'], (name: string) => string>> = {
  language: () => 'generates text; POST /v1/chat/completions or /v1/completions',
  tensor: name => `computes tensors; POST /v2/models/${name}/infer`,
  network: name => `answers questions about probabilities; POST /v1/networks/${name}/query`,
}

function otherKind(name: string, { kind }: ServableModel, lack: string): HenceError {
  return new HenceError('REQUEST_INVALID', `The model '${name}' ${lack}: it ${PURPOSES[kind](name)}`, { param: 'model' })
}

function shown(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name
}

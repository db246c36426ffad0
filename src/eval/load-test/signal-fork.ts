/** Gives each piece of work a signal of its own, so that the shared one has a single listener however many there are. */
export class SignalFork implements Disposable {
  readonly #shared: AbortSignal
  readonly #open = new Set<AbortController>()
  readonly #abort = (): void => {
    for (const controller of this.#open) controller.abort(this.#shared.reason)
  }

  constructor(shared: AbortSignal) {
    this.#shared = shared
    shared.addEventListener('abort', this.#abort, { once: true })
  }

  /** Does something under a signal that fires with the shared one. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    if (this.#shared.aborted) controller.abort(this.#shared.reason)
    this.#open.add(controller)
    try {
      return await work(controller.signal)
    } finally {
      this.#open.delete(controller)
    }
  }

  [Symbol.dispose](): void {
    this.#shared.removeEventListener('abort', this.#abort)
  }
}

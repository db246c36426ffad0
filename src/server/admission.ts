import { HenceError } from '../core/index.ts'

/** Bounds the work that waits or runs, so that a flood of requests is refused instead of piling up. */
export class Admission {
  readonly limit: number
  #admitted = 0

  /** @param limit - sequences or tensor requests at once */
  constructor(limit: number) {
    this.limit = limit
  }

  get admitted(): number {
    return this.#admitted
  }

  /**
   * Runs `work` of this size. Work larger than the limit is taken when nothing else is there.
   *
   * @throws HenceError `SERVER_BUSY`
   */
  async run<T>(size: number, work: () => Promise<T>): Promise<T> {
    if (this.#admitted > 0 && this.#admitted + size > this.limit)
      throw new HenceError('SERVER_BUSY', `the server is busy with ${this.#admitted} of ${this.limit} sequences; try again shortly`, {
        admitted: this.#admitted,
        limit: this.limit,
      })
    this.#admitted += size
    try {
      return await work()
    } finally {
      this.#admitted -= size
    }
  }
}

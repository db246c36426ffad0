/** What the owner of a sequence does with what the engine computes. */
export interface SequenceHandler {
  /** Logits are wanted for tokens from this position on; only for the newest known token when left out. */
  readonly firstRow?: number | undefined
  /** The first step that works on the sequence begins; so many of its tokens were computed before, for others. */
  onStart?(sharedTokens: number): void
  /**
   * Takes the logits of tokens `position .. position + count`, `[count, vocabulary]`, valid during the call.
   *
   * @param likeliest - ids of the largest logits of the last row, largest first, valid during the call; NaN counts as the largest
   * @returns the next token, when these are the logits of the newest known token and the sequence goes on
   */
  onLogits(logits: Float32Array, position: number, count: number, likeliest?: Int32Array): number | undefined
  /**
   * Does what can wait until the next step is at work; called once after each `onLogits`.
   *
   * @returns false when the sequence ends here after all: what is being computed after it is thrown away
   */
  afterLogits?(): boolean
}

/** How a sequence is worked on beside others. */
export interface SequenceOptions {
  /** Ends the work; the blocks of the sequence are free at once, or when the step is over that writes to them. */
  readonly signal?: AbortSignal | undefined
  /** Sequences with a higher one are worked on first; 0 by default. */
  readonly priority?: number | undefined
  /** Milliseconds after which the sequence ends with `DEADLINE_EXCEEDED`, waiting included; none by default. */
  readonly deadlineMs?: number | undefined
  /**
   * Sequences share what is computed for common beginnings only with others of the same salt, so that nobody can find out by
   * the time an answer takes what others asked. All without one share with each other.
   */
  readonly cacheSalt?: string | undefined
}

/** One sequence of tokens inside the engine: its computed tokens catch up with its known ones. */
export class Sequence {
  /** Known tokens: the prompt and what was generated. */
  readonly tokens: number[]
  readonly handler: SequenceHandler
  readonly priority: number
  readonly salt: string | undefined
  /** Block table; see {@link BlockPool}. */
  readonly blocks: number[] = []
  /** Keys of its full blocks as far as they were asked for; see {@link PrefixCache}. */
  readonly keys: string[] = []
  /** Blocks of the table whose contents are known to the cache. */
  registered = 0
  /** Blocks at the beginning of the table that no query to come sees, and that are no longer its own. */
  trimmed = 0
  /** Tokens it did not have to compute when it was first taken up. */
  sharedTokens: number | undefined
  /** Its place in the order of arrival; −1 until it has one. */
  arrival = -1
  /** Where its state lies while it is running; −1 otherwise. */
  stateSlot = -1
  /** Where the step at work keeps the state after a token for others. */
  snapshot: { readonly token: number; readonly slot: number } | undefined
  /** Tokens whose keys and values are in the blocks, and which its state has seen. */
  computed = 0
  /** Tokens after these that the step at work computes. */
  atWork = 0
  /** 1 while the step at work is to give the token after the newest known one, 0 otherwise. */
  expected: 0 | 1 = 0
  /** Tokens up to which the handler has got what logits it wanted; what is computed again is not answered again. */
  answered = 0
  #hasStarted = false
  /** Finished, failed or aborted; the engine no longer works on it. */
  isDone = false

  constructor(tokens: readonly number[], handler: SequenceHandler, { priority = 0, cacheSalt }: SequenceOptions = {}) {
    this.tokens = [...tokens]
    this.handler = handler
    this.priority = priority
    this.salt = cacheSalt
  }

  /** Tokens that are computed when the step at work is over. */
  get reached(): number {
    return this.computed + this.atWork
  }

  /** Known tokens that are not computed then, and the one that is known by then. */
  get pending(): number {
    return this.tokens.length + this.expected - this.reached
  }

  /** The first position whose logits are still wanted: the newest one at the latest. */
  get firstWanted(): number {
    const newest = this.tokens.length + this.expected - 1
    return Math.min(newest, Math.max(this.answered, this.handler.firstRow ?? newest))
  }

  /** Tells the handler, once, that a step begins to work on the sequence. */
  start(): void {
    if (!this.#hasStarted) this.handler.onStart?.(this.sharedTokens ?? 0)
    this.#hasStarted = true
  }

  /** Logit rows wanted when the next `count` tokens are computed. */
  rowCount(count: number): number {
    return Math.max(0, this.reached + count - Math.max(this.reached, this.firstWanted))
  }
}

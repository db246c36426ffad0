/**
 * The one registry of everything that can go wrong. Each code has a hint that says what to do next;
 * `docs/errors.md` is tested against this table.
 */
export const ERRORS = {
  // Files
  FILE_NOT_FOUND: 'Check the path; a model is a .gguf or .bin file, or a folder with config.json.',
  FILE_UNREADABLE: 'Check the permissions of the file and that the disk is healthy.',
  FILE_TRUNCATED: 'The file ends before its own header says it should; download or copy it again.',
  FILE_MALFORMED: 'The file contradicts its own format; download it again or re-export the model.',
  FILE_LIMIT: 'A count or size in the file is beyond what any real model uses; the file is damaged or hostile.',
  FORMAT_UNKNOWN: 'Hence reads GGUF, safetensors, ONNX, Hugging Face folders and llama2.c checkpoints.',
  FORMAT_UNSUPPORTED: 'Convert the model to one of the listed types, or use a file that has them.',
  // Models
  ARCHITECTURE_UNKNOWN: 'Use a model of one of the listed architectures.',
  CONFIG_INVALID: 'The configuration contradicts itself or the tensors; re-export the model.',
  TENSOR_MISSING: 'The checkpoint lacks tensors its configuration calls for; re-export or re-download it.',
  TENSOR_MISMATCH: 'The tensors and the configuration do not belong together; re-export the model.',
  TOKENIZER_MISSING: 'Put tokenizer.json (or tokenizer.bin for llama2.c files) beside the model, or pass { tokenizer }.',
  TOKENIZER_INVALID: 'The tokenizer file is damaged or of a kind Hence does not know.',
  TEMPLATE_MISSING: 'This model has no chat template; use generate() with a plain prompt, or pass { chatTemplate }.',
  TEMPLATE_INVALID: 'The chat template refused these messages; check roles and their order.',
  // Graphs
  GRAPH_INVALID: 'The graph contradicts itself or the ONNX specification; check it with onnx.checker and export it again.',
  OPERATOR_UNSUPPORTED: 'Export the model with other operators, or with an opset that expresses them in simpler ones.',
  SHAPE_MISMATCH: 'Check the shapes of the inputs against model.describe().',
  // Bayesian networks
  NETWORK_INVALID: 'The network contradicts itself; correct the variable that is named.',
  EVIDENCE_IMPOSSIBLE: 'The network gives these findings probability zero together; drop or soften one of those that conflict.',
  INFERENCE_TOO_LARGE: "Raise { maxCells }, ask for less, or take an approximate method: { method: 'lw' }.",
  CAUSAL_GRAPH_INVALID: 'Write edges as `x -> y` and `x <-> y`, separated by `;` or line breaks, without a circle of arrows.',
  // The hub
  HUB_NOT_FOUND: 'Check the name on the hub; it is org/name, perhaps with :QUANTISATION or @REVISION after it.',
  HUB_DENIED: 'Ask for access on the page of the model, make a token at huggingface.co/settings/tokens, and put it into HF_TOKEN.',
  HUB_UNREACHABLE: 'Check the connection, HF_ENDPOINT and HF_HUB_OFFLINE; what was downloaded is kept, so try again.',
  HUB_INVALID: 'The answer is not what a hub gives; check HF_ENDPOINT, and whether a proxy stands between.',
  DOWNLOAD_CORRUPT: 'The bytes are not those the hub promises, and were thrown away; try again, or ask whoever runs the hub.',
  DISK_FULL: 'Free some space, or keep models on another disk with HF_HUB_CACHE; `hence pull --list` shows what is there.',
  // Running
  CONTEXT_OVERFLOW: 'Shorten the prompt, lower maxTokens, or load with a larger { context }.',
  OUT_OF_MEMORY: 'Use a smaller model, a smaller { context }, or a machine with more memory.',
  PROGRAM_INVALID: 'The program is malformed; this is a defect in Hence, please report it.',
  BACKEND_UNAVAILABLE: 'Run `hence doctor` to see why, or drop { backend } to use what is available.',
  NATIVE_FAILED: 'The native backend refused this call; this is a defect in Hence, please report it.',
  ABORTED: 'The caller aborted the work.',
  DEADLINE_EXCEEDED: 'Allow more time with { deadlineMs }, ask for fewer tokens, or come when there is less to do.',
  DISPOSED: 'The object was disposed; load the model again.',
  OPTION_INVALID: 'See the documentation of the function or `hence help COMMAND`.',
  USAGE: 'See `hence help`.',
  CACHE_FAILED: 'Run `hence doctor --cache`; Hence goes on without the cache.',
  // Serving
  LISTEN_FAILED: 'Choose another port or host, or end the process that uses this one.',
  REQUEST_INVALID: 'Correct the request as the message says; GET /openapi.json describes what is accepted.',
  KEY_INVALID: 'Send the key of this server as `Authorization: Bearer KEY`.',
  MODEL_UNKNOWN: 'GET /v1/models lists the models that are served.',
  SERVER_BUSY: 'Try again after the seconds in Retry-After, or let the server queue more.',
  SERVER_UNAVAILABLE: 'Try again later; GET /ready says when all models are loaded.',
  // Asking servers
  SERVER_UNREACHABLE: 'Check the address and that the server runs; an address is like http://127.0.0.1:8000.',
  SERVER_FAILED: 'The words are those of the server; check the address, the name of the model, the key, and its log.',
} as const

/** Every code a {@link HenceError} can carry. */
export type ErrorCode = keyof typeof ERRORS

/** Facts about a failure: operands, files, offsets. Plain JSON data. */
export type ErrorDetails = Readonly<Record<string, unknown>>

const BRAND = Symbol.for('hence.error')

/**
 * The only error Hence throws on purpose.
 *
 * @example
 * ```ts
 * import { isHenceError, load } from 'hence'
 * try {
 *   await load('missing.gguf')
 * } catch (error) {
 *   if (isHenceError(error, 'FILE_NOT_FOUND')) console.error(error.hint)
 * }
 * ```
 */
export class HenceError extends Error {
  override readonly name = 'HenceError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly hint: string

  /**
   * @param code - entry of {@link ERRORS}
   * @param message - what happened, with the operands, in one sentence without a full stop
   * @param details - the same facts as data; `hint` replaces the registry's hint
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails & { hint?: string; cause?: unknown } = {}) {
    const { hint, cause, ...facts } = details
    super(message, cause === undefined ? undefined : { cause })
    Object.defineProperty(this, BRAND, { value: true })
    this.code = code
    this.details = facts
    this.hint = hint ?? ERRORS[code]
  }

  /** What `JSON.stringify` writes: everything but the stack and the cause. */
  toJSON(): { code: ErrorCode; message: string; hint: string; details: ErrorDetails } {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details }
  }
}

/** True for a {@link HenceError}, also one from another copy of the package; with `code`, only for that code. */
export function isHenceError(error: unknown, code?: ErrorCode): error is HenceError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as Partial<HenceError>).code === code
}

/**
 * Models of real size whose weights are arithmetic: every element is a hash of where it stands, so that TypeScript and
 * numpy make the same bits from a recipe of a few hundred bytes and no weights need keeping. `make.py` holds the same
 * functions and computes with transformers what these models answer.
 */
import { readFileSync } from 'node:fs'

/** The families that have a recipe and expected answers. */
export const FAMILIES = ['llama', 'mistral', 'qwen2', 'gpt2'] as const

/** A family with a recipe. */
export type Family = (typeof FAMILIES)[number]

/** One tensor of a recipe; elements are uniform in `[center - halfRange, center + halfRange)`. */
export interface RecipeTensor {
  /** Its Hugging Face name. */
  readonly name: string
  readonly shape: readonly number[]
  readonly center: number
  readonly halfRange: number
  /** Selects the tensor's stream of numbers. */
  readonly key: number
}

/** A model and a prompt. */
export interface Recipe {
  readonly seed: number
  /** Contents of the model's `config.json`. */
  readonly config: Readonly<Record<string, unknown>>
  readonly vocabularySize: number
  readonly tensors: readonly RecipeTensor[]
  readonly promptLength: number
}

interface RecipeFile {
  readonly seed: number
  readonly promptLength: number
  readonly config: Readonly<Record<string, unknown>>
  readonly tensors: readonly {
    readonly name: string
    readonly shape: readonly number[]
    readonly halfRange: number
    readonly center?: number
  }[]
}

/** Index of the prompt among the streams of a recipe; tensors count from 0. */
const PROMPT_STREAM = 0xffffffff

/** Reads `recipes/<family>.json`. A tensor with `{layer}` in its name stands for one tensor per layer, in its place. */
export function readRecipe(family: Family): Recipe {
  const file = JSON.parse(readFileSync(new URL(`recipes/${family}.json`, import.meta.url), 'utf8')) as RecipeFile
  const layers = Number(file.config['num_hidden_layers'] ?? file.config['n_layer'])
  const tensors = file.tensors
    .flatMap(tensor =>
      tensor.name.includes('{layer}')
        ? Array.from({ length: layers }, (_, layer) => ({ ...tensor, name: tensor.name.replace('{layer}', String(layer)) }))
        : [tensor],
    )
    .map((tensor, index) => ({ center: 0, ...tensor, key: streamKey(file.seed, index) }))
  return {
    seed: file.seed,
    config: file.config,
    vocabularySize: Number(file.config['vocab_size']),
    tensors,
    promptLength: file.promptLength,
  }
}

/** Elements `[begin, end)` of a tensor in row-major order: computed in f64, rounded once to f32. */
export function fillTensor(tensor: RecipeTensor, begin: number, end: number): Float32Array {
  const { key, center, halfRange } = tensor
  const step = halfRange / 2 ** 23
  const values = new Float32Array(end - begin)
  for (let i = begin; i < end; i++) values[i - begin] = center + ((hash(key, i) >>> 8) - 2 ** 23) * step
  return values
}

/** The ids of the prompt: `[promptLength]`, uniform over the vocabulary. */
export function promptIds(recipe: Recipe): Int32Array {
  const key = streamKey(recipe.seed, PROMPT_STREAM)
  return Int32Array.from({ length: recipe.promptLength }, (_, i) => Math.floor((hash(key, i) * recipe.vocabularySize) / 2 ** 32))
}

/** Sum of `bits(i) · (2 i + 1)` modulo 2³²; every bit and its place count. */
export function checksum(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  let sum = 0
  for (let i = 0; i < bits.length; i++) sum = (sum + Math.imul(bits[i]!, 2 * i + 1)) | 0
  return sum >>> 0
}

/** Number of elements of a tensor. */
export function elementCount(tensor: Pick<RecipeTensor, 'shape'>): number {
  return tensor.shape.reduce((product, size) => product * size, 1)
}

/** Selects the stream of numbers of a seed's tensor. */
export function streamKey(seed: number, index: number): number {
  return mix((mix(seed) + index) | 0)
}

function hash(key: number, index: number): number {
  return mix((Math.imul(index, 0x9e3779b9) + key) | 0)
}

/** A bijection of 32-bit integers. Source: Wellons, "Prospecting for hash functions" (2018), lowbias32. */
function mix(integer: number): number {
  let x = integer ^ (integer >>> 16)
  x = Math.imul(x, 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

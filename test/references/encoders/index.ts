import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { encodeSafetensors } from '../../../src/formats/safetensors/write-safetensors.ts'
import { testdata } from '../../testdata.ts'
import { fillTensor, streamKey } from '../recipe.ts'

/** A small encoder with arithmetic weights, and what transformers makes of some ids; `make.py` says how it is made. */
export interface HeadReference {
  readonly config: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly tensors: Readonly<Record<string, readonly number[]>>
  readonly texts: readonly {
    readonly ids: readonly number[]
    readonly types: readonly number[] | null
    /** Every seventh row, of it every eighth number. */
    readonly hidden: readonly number[]
    /** Logits, or the pooler's vector; of many classes every seventh row, of it every 32nd number. */
    readonly head: readonly number[]
  }[]
  /** Of pictures: every third row of the last vectors, of it every eighth number, and the pooler's vectors. */
  readonly hidden?: readonly number[]
  readonly head?: readonly number[]
}

/** Every kind of head by name. */
export function headReferences(): Readonly<Record<string, HeadReference>> {
  return (read('heads.json') as { models: Record<string, HeadReference> }).models
}

/** The answer of a pipeline, by task and model, in the form that `make.py` gives it. */
export function taskReference<T>(name: string): T {
  return (read('tasks.json') as Record<string, T>)[name]!
}

/** What `make.py` notes of a sentence-transformers model. */
export interface SentenceReference {
  readonly texts: readonly string[]
  /** Contents of JSON files by path. */
  readonly files: Readonly<Record<string, unknown>>
  readonly seed: number
  /** Tensors of each Dense module. */
  readonly layers: readonly HeadReference['tensors'][]
  readonly promptName: string | null
  readonly answer: readonly number[]
}

/** Every sentence-transformers model by name. */
export function sentenceReferences(): readonly (readonly [string, SentenceReference])[] {
  const all = Object.entries(read('tasks.json') as Record<string, SentenceReference>)
  return all.filter(([name]) => name.startsWith('sentence '))
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
}

/** Numbers of the stream `index` of a seed. */
export function arithmetic(seed: number, index: number, shape: readonly number[], halfRange: number, center = 0): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1)
  return fillTensor({ name: '', shape, center, halfRange, key: streamKey(seed, index) }, 0, count)
}

/** A safetensors file of arithmetic tensors. */
function weightsFile(
  tensors: HeadReference['tensors'],
  fill: (name: string, shape: readonly number[], index: number) => Float32Array,
): Uint8Array {
  const list = Object.entries(tensors).map(([name, shape], index) => {
    const { buffer } = fill(name, shape, index)
    return { name, type: 'f32', shape, data: new Uint8Array(buffer) } as const
  })
  return encodeSafetensors({ tensors: list })
}

/** Writes a reference as a Hugging Face folder, without a tokenizer; `rename` gives tensors other names. */
export function writeHeadFolder(
  folder: string,
  { config, seed, tensors }: Pick<HeadReference, 'config' | 'seed' | 'tensors'>,
  rename: (name: string) => string = name => name,
): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const named: Record<string, readonly number[]> = {}
  for (const [name, shape] of Object.entries(tensors)) named[rename(name)] = shape
  const names = Object.keys(tensors)
  const bytes = weightsFile(named, (_, shape, index) => {
    const isNorm = /norm/i.test(names[index]!) && names[index]!.endsWith('weight')
    return arithmetic(seed, index, shape, shape.length === 2 ? 0.5 : 0.4, isNorm ? 1 : 0)
  })
  writeFileSync(join(folder, 'model.safetensors'), bytes)
}

/** The checkpoint `bert` of the testdata as sentence-transformers would have saved it with further modules. */
export function writeSentenceFolder(folder: string, { files, seed, layers }: Pick<SentenceReference, 'files' | 'seed' | 'layers'>): void {
  mkdirSync(folder, { recursive: true })
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'])
    cpSync(testdata('refs', 'bert', name), join(folder, name))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), JSON.stringify(content))
  }
  for (const [i, tensors] of layers.entries())
    writeFileSync(
      join(folder, `${2 + i}_Dense`, 'model.safetensors'),
      weightsFile(tensors, (_, shape, j) => arithmetic(seed, 10 * i + j, shape, 0.3)),
    )
}

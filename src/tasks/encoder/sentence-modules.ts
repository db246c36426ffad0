import { join } from 'node:path'
import { openSafetensors } from '../../formats/index.ts'
import { ConfigFields, type DenseLayer, DenseRows, type StartedEncoder } from '../../llm/index.ts'
import type { ModelFiles } from './model-files.ts'
import type { Pooling } from './pooling.ts'

/** What comes after an encoder, as the files of sentence-transformers say. */
export interface SentenceModules {
  /** Several are put beside each other. */
  readonly poolings: readonly Pooling[]
  /** The tokens of a prompt take part. */
  readonly includesPrompt: boolean
  readonly layers: readonly DenseRows[]
  /** Results have length one. */
  readonly isNormalised: boolean
  /** Most tokens of a text. */
  readonly maxTokens: number | undefined
  readonly isLowerCase: boolean
  /** Texts put in front of a text, by the name of their purpose. */
  readonly prompts: Readonly<Record<string, string>>
  readonly defaultPrompt: string | undefined
  dispose(): void
}

const SIZE = { min: 1, max: 131_072 }
const POOLING_MODES: readonly (readonly [field: string, pooling: Pooling])[] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'mean-sqrt-length'],
  ['pooling_mode_weightedmean_tokens', 'weighted-mean'],
  ['pooling_mode_lasttoken', 'last'],
]
const ACTIVATIONS = {
  Identity: 'none',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
} as const satisfies Readonly<Record<string, DenseLayer['activation']>>

/**
 * What the modules.json beside a model asks for; mean pooling and vectors of length one where there is none.
 *
 * @throws HenceError `CONFIG_INVALID` for modules Hence does not know, or about their files
 */
export async function openSentenceModules(files: ModelFiles, encoder: StartedEncoder): Promise<SentenceModules> {
  const layers: DenseRows[] = []
  const dispose = (): void => {
    for (const layer of layers.splice(0)) layer.dispose()
  }
  try {
    const found = await readModules(files, encoder, layers)
    const sentence = ConfigFields.ofObject('sentence_bert_config.json', (await files.json('sentence_bert_config.json')) ?? {})
    const setup = ConfigFields.ofObject('config_sentence_transformers.json', (await files.json('config_sentence_transformers.json')) ?? {})
    return {
      ...found,
      layers,
      maxTokens: sentence.has('max_seq_length') ? sentence.integer('max_seq_length', { min: 1, max: 2 ** 27 }) : undefined,
      isLowerCase: sentence.boolean('do_lower_case', false),
      prompts: textsOf(setup),
      defaultPrompt: setup.has('default_prompt_name') ? setup.text('default_prompt_name') : undefined,
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

type Found = Pick<SentenceModules, 'poolings' | 'includesPrompt' | 'isNormalised'>

async function readModules(files: ModelFiles, encoder: StartedEncoder, layers: DenseRows[]): Promise<Found> {
  const list = await files.value('modules.json')
  if (list === undefined) return { poolings: ['mean'], includesPrompt: true, isNormalised: true }
  const modules = Array.isArray(list) ? list : [list]
  let found: Found = { poolings: ['mean'], includesPrompt: true, isNormalised: false }
  let width = encoder.text!.config.hidden
  for (const [i, module] of modules.entries()) {
    const fields = ConfigFields.ofObject(`modules.json module ${i}`, Object(module))
    const kind = fields.text('type').split('.').at(-1)!
    const folder = folderOf(fields)
    const config = async (): Promise<ConfigFields> =>
      ConfigFields.ofObject(join(folder, 'config.json'), (await files.json(join(folder, 'config.json'))) ?? {})
    if (kind === 'Transformer') continue
    if (kind === 'Pooling') {
      found = { ...found, ...readPooling(await config()) }
      width *= found.poolings.length
    } else if (kind === 'Dense') {
      const layer = await compileDense(files.path(folder), await config(), width, encoder)
      layers.push(layer)
      width = layer.outSize
    } else if (kind === 'Normalize') found = { ...found, isNormalised: true }
    else
      throw fields.invalid(`${kind.slice(0, 60)} is not known; known are Transformer, Pooling, Dense, Normalize`, {
        kind: kind.slice(0, 60),
      })
  }
  return found
}

/** The folder of a module; one outside the model's is refused. */
function folderOf(fields: ConfigFields): string {
  const folder = fields.text('path', '')
  if (/^[\w.-]*$/.test(folder) && folder !== '..') return folder
  throw fields.invalid(`path "${folder.slice(0, 60)}" is not a folder in the model's`)
}

function readPooling(fields: ConfigFields): Pick<Found, 'poolings' | 'includesPrompt'> {
  const named = POOLING_MODES.filter(([field]) => fields.boolean(field, false)).map(([, pooling]) => pooling)
  // Newer files name one mode, or list several in the order in which they stand beside each other.
  const modes = [fields.raw('pooling_mode') ?? []].flat().map(mode => {
    const pooling = typeof mode === 'string' && Object.hasOwn(SHORT_MODES, mode) ? SHORT_MODES[mode] : undefined
    if (pooling) return pooling
    throw fields.invalid(
      `pooling_mode ${JSON.stringify(mode)?.slice(0, 60)} is not known; known are ${Object.keys(SHORT_MODES).join(', ')}`,
    )
  })
  const poolings = named.length > 0 ? named : modes.length > 0 ? modes : (['mean'] as const)
  return { poolings, includesPrompt: fields.boolean('include_prompt', true) }
}

const SHORT_MODES: Readonly<Record<string, Pooling>> = {
  cls: 'cls',
  max: 'max',
  mean: 'mean',
  mean_sqrt_len_tokens: 'mean-sqrt-length',
  weightedmean: 'weighted-mean',
  lasttoken: 'last',
}

async function compileDense(
  folder: string,
  fields: ConfigFields,
  width: number,
  { backend, precision }: StartedEncoder,
): Promise<DenseRows> {
  const [inSize, outSize] = [fields.integer('in_features', SIZE), fields.integer('out_features', SIZE)]
  if (inSize !== width) throw fields.invalid(`in_features is ${inSize}, what comes before has ${width} numbers`, { inSize, width })
  const name = fields.text('activation_function', 'torch.nn.modules.activation.Tanh').split('.').at(-1)!
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw fields.invalid(`activation_function ${name.slice(0, 60)} is not known; known are ${Object.keys(ACTIVATIONS).join(', ')}`)
  const checkpoint = await openSafetensors(join(folder, 'model.safetensors'))
  try {
    return await DenseRows.compile(
      {
        checkpoint,
        weight: 'linear.weight',
        bias: fields.boolean('bias', true) ? 'linear.bias' : undefined,
        inSize,
        outSize,
        activation: ACTIVATIONS[name as keyof typeof ACTIVATIONS],
      },
      backend,
      precision,
    )
  } finally {
    await checkpoint.close()
  }
}

function textsOf(fields: ConfigFields): Readonly<Record<string, string>> {
  const prompts = fields.raw('prompts') ?? {}
  const entries = Object.entries(Object(prompts) as Record<string, unknown>)
  for (const [name, text] of entries)
    if (typeof text !== 'string') throw fields.invalid(`the prompt ${name.slice(0, 60)} must be text`, { name: name.slice(0, 60) })
  return Object.fromEntries(entries) as Record<string, string>
}

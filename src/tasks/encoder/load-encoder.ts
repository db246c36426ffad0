import { dirname, join } from 'node:path'
import { elementCount, isHenceError, type TensorModel, type TensorModelDescription } from '../../core/index.ts'
import { type DetectedFormat, detectFormat, MAX_JSON_BYTES, openHuggingFaceFolder, readJsonObject } from '../../formats/index.ts'
import { type EncoderSource, encoderFromHuggingFace, encoderPrecision, isEncoderConfig, startEncoder, writeTower } from '../../llm/index.ts'
import { describeValue, type TensorModelOptions } from '../open-tensor-model.ts'
import { EngineModel } from '../tensor-model.ts'
import { EncoderEngine, encoderValues } from './encoder-engine.ts'
import { ModelFiles } from './model-files.ts'

/** Loads the encoder in a Hugging Face folder. @throws HenceError about its files, configuration, tensors, or the backend */
export async function loadEncoder(folder: string, options: TensorModelOptions): Promise<TensorModel> {
  return withEncoder(folder, options, async source => {
    const description = describeEncoder(folder, source, options)
    const started = await startEncoder(source, options)
    const { name, threads } = started.backend
    return new EngineModel(new EncoderEngine(started, new ModelFiles(folder)), { ...description, backend: { name, threads } })
  })
}

/** The folder of an encoder; undefined for any other source. */
export async function encoderFolder({ kind, path }: DetectedFormat, signal?: AbortSignal): Promise<string | undefined> {
  if (kind !== 'huggingface' && kind !== 'safetensors') return undefined
  const folder = kind === 'huggingface' ? path : dirname(path)
  try {
    return isEncoderConfig(await readJsonObject(join(folder, 'config.json'), MAX_JSON_BYTES, signal)) ? folder : undefined
  } catch (error) {
    // Whoever opens the model says what is wrong with its configuration.
    if (isHenceError(error, 'ABORTED')) throw error
    return undefined
  }
}

/** True when there is an encoder at a path. @throws HenceError as {@link detectFormat} */
export async function isEncoder(path: string): Promise<boolean> {
  return (await encoderFolder(await detectFormat(path))) !== undefined
}

/** Describes the encoder in a folder without preparing it to run. */
export async function inspectEncoder(folder: string, options: TensorModelOptions): Promise<TensorModelDescription> {
  return withEncoder(folder, options, async source => describeEncoder(folder, source, options))
}

async function withEncoder<T>(folder: string, { signal }: TensorModelOptions, use: (source: EncoderSource) => Promise<T>): Promise<T> {
  const { config, checkpoint } = await openHuggingFaceFolder(folder, { signal })
  try {
    return await use(await encoderFromHuggingFace(config, checkpoint, `${folder} config.json`))
  } finally {
    await checkpoint.close()
  }
}

function describeEncoder(folder: string, source: EncoderSource, options: TensorModelOptions): TensorModelDescription {
  const { architecture, checkpoint } = source
  const towers = [source.text, source.image].filter(tower => tower !== undefined)
  const instructions = towers.flatMap(tower => writeTower(tower).instructions)
  const operators: Record<string, number> = {}
  for (const { op } of instructions) operators[op] = (operators[op] ?? 0) + 1
  const { inputs, optionalInputs, outputs } = encoderValues(source)
  const tensors = [...checkpoint.tensors.values()]
  const head = towers.map(({ config }) => config.head?.kind).find(kind => kind !== undefined)
  return {
    kind: 'tensor',
    source: folder,
    format: checkpoint.format,
    producer: '',
    opsets: {},
    inputs: inputs.map(describeValue),
    optionalInputs: optionalInputs.map(describeValue),
    outputs: outputs.map(describeValue),
    parameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    weightBytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    operators,
    nodes: instructions.length,
    files: checkpoint.files.map(({ path, size }) => ({ path, bytes: size })),
    metadata: { architecture, ...(head ? { head } : {}) },
    precision: encoderPrecision(source, options),
  }
}

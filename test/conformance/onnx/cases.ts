import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeOnnx, decodeValue, type OnnxModel, type OnnxValueInfo } from '../../../src/formats/index.ts'
import type { Value } from '../../../src/graph/index.ts'
import { testdata } from '../../testdata.ts'
import { readTarGz } from './tar.ts'

/** A case of the ONNX backend test suite: files not decoded yet. */
export interface OnnxCase {
  /** `test_abs` of the node suite; `simple/test_…` of the others. */
  readonly name: string
  readonly model: Uint8Array
  readonly dataSets: readonly RawDataSet[]
}

interface RawDataSet {
  readonly inputs: readonly Uint8Array[]
  readonly outputs: readonly Uint8Array[]
}

/** Inputs and expected outputs of one run, by name. */
export interface DataSet {
  readonly inputs: Readonly<Record<string, Value>>
  readonly outputs: Readonly<Record<string, Value>>
}

/** A case with everything decoded. */
export interface DecodedCase {
  readonly name: string
  readonly model: OnnxModel
  readonly dataSets: readonly DataSet[]
}

/** The cases kept with the testdata. */
export function casesOfTestdata(): OnnxCase[] {
  return groupCases(readTarGz(testdata('onnx', 'node-cases.tar.gz')))
}

/** The cases below a folder: `SUITE/NAME/model.onnx` or `NAME/model.onnx`. */
export function casesOfFolder(folder: string): OnnxCase[] {
  const files = new Map<string, Uint8Array>()
  const visit = (path: string): void => {
    for (const name of readdirSync(join(folder, path)).sort()) {
      const inner = path === '' ? name : `${path}/${name}`
      if (statSync(join(folder, inner)).isDirectory()) visit(inner)
      else if (/\.(pb|onnx)$/.test(name)) files.set(inner, readFileSync(join(folder, inner)))
    }
  }
  visit('')
  return groupCases(files)
}

function groupCases(files: ReadonlyMap<string, Uint8Array>): OnnxCase[] {
  const cases: OnnxCase[] = []
  for (const [path, model] of files) {
    if (!path.endsWith('/model.onnx')) continue
    const folder = path.slice(0, -'/model.onnx'.length)
    const dataSets: RawDataSet[] = []
    for (;;) {
      const set = `${folder}/test_data_set_${dataSets.length}`
      const outputs = numbered(files, `${set}/output_`)
      if (outputs.length === 0) break
      dataSets.push({ inputs: numbered(files, `${set}/input_`), outputs })
    }
    cases.push({ name: folder.replace(/^node\//, ''), model, dataSets })
  }
  return cases.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function numbered(files: ReadonlyMap<string, Uint8Array>, prefix: string): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let file = files.get(`${prefix}0.pb`); file; file = files.get(`${prefix}${found.length}.pb`)) found.push(file)
  return found
}

/** Decodes a case; the files of its values are numbered as the graph's inputs and outputs are. */
export function decodeCase({ name, model: bytes, dataSets }: OnnxCase): DecodedCase {
  const model = decodeOnnx(bytes)
  const values = (files: readonly Uint8Array[], infos: readonly OnnxValueInfo[]): Record<string, Value> =>
    Object.fromEntries(
      files.map((file, i) => {
        const info = infos[i]
        if (!info?.type) throw new TypeError(`${name}: value ${i} has no type in the model`)
        return [info.name, decodeValue(file, info.type)]
      }),
    )
  return {
    name,
    model,
    dataSets: dataSets.map(set => ({ inputs: values(set.inputs, model.graph.inputs), outputs: values(set.outputs, model.graph.outputs) })),
  }
}

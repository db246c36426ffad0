import { HenceError, type ModelValue } from '../../core/index.ts'
import { RouteReply } from '../route.ts'
import { datatypeOf } from './datatypes.ts'
import type { InferRequest } from './infer-request.ts'
import { tensorToBytes } from './tensor-bytes.ts'
import { tensorToJson } from './tensor-json.ts'

/** Where a result comes from, as the answer says. */
export interface InferHead {
  readonly model_name: string
  readonly model_version: string
}

/** The answer to a request for inference: JSON, followed by the bytes of outputs that are wanted as such. */
export function inferReply(
  head: InferHead,
  request: InferRequest,
  results: Readonly<Record<string, ModelValue>>,
  headers: Readonly<Record<string, string>>,
): RouteReply {
  const binary: Uint8Array[] = []
  const outputs = request.outputs.map(({ name, isBinary }) => {
    const value = results[name]
    const datatype = value && 'data' in value ? datatypeOf(value.dtype) : undefined
    if (!value || !('data' in value) || datatype === undefined)
      throw new HenceError(
        'REQUEST_INVALID',
        `the output "${name}" is ${value && 'data' in value ? `of type ${value.dtype}` : 'no tensor'}, which this protocol cannot carry`,
      )
    const about = `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":${JSON.stringify(value.shape)}`
    if (!isBinary) return `{${about},"data":${tensorToJson(value)}}`
    const bytes = tensorToBytes(value)
    binary.push(bytes)
    return `{${about},"parameters":{"binary_data_size":${bytes.length}}}`
  })
  // The id is left out where there was none: null breaks clients.
  const about = JSON.stringify({ ...head, ...(request.id === undefined ? {} : { id: request.id }) })
  const json = `${about.slice(0, -1)},"outputs":[${outputs.join(',')}]}`
  if (binary.length === 0) return new RouteReply(200, { ...headers, 'content-type': 'application/json; charset=utf-8' }, json)
  const start = Buffer.from(json)
  const type = { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(start.length) }
  return new RouteReply(200, { ...headers, ...type }, Buffer.concat([start, ...binary]))
}

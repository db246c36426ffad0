import type { MessageReader } from '../protobuf/message-reader.ts'

/** The default domain has two names; the empty one stands for both. */
export function normalizeDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain
}

/** Reads an OperatorSetIdProto into `opsets`. */
export function readOpset(reader: MessageReader, opsets: Map<string, number>): void {
  let domain = ''
  let version = 0
  while (reader.next()) {
    if (reader.field === 1) domain = normalizeDomain(reader.name())
    else if (reader.field === 2) version = reader.int()
  }
  if (!Number.isSafeInteger(version) || version < 1)
    throw reader.malformed(`version ${version} of the operator set "${domain || 'ai.onnx'}" is not a positive integer`)
  const known = opsets.get(domain)
  if (known !== undefined && known !== version)
    throw reader.malformed(`the operator set "${domain || 'ai.onnx'}" is imported as version ${known} and ${version}`)
  opsets.set(domain, version)
}

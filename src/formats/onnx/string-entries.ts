import type { MessageReader } from '../protobuf/message-reader.ts'

/** Reads a StringStringEntryProto. */
export function readStringEntry(reader: MessageReader): { readonly key: string; readonly value: string } {
  let key = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === 1) key = reader.text()
    else if (reader.field === 2) value = reader.text()
  }
  return { key, value }
}

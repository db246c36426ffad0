import { HenceError } from '../core/index.ts'

/** What a Magika model says of itself in config.min.json. */
export interface FileTypeConfig {
  /** Bytes taken from the beginning and from the end of a file, once white space is stripped. */
  readonly beginBytes: number
  readonly endBytes: number
  /** Bytes looked at on either side before white space is stripped. */
  readonly blockBytes: number
  /** Stands where a file has no byte. */
  readonly paddingToken: number
  /** Shorter files are not put to the model. */
  readonly minFileBytes: number
  readonly labels: readonly string[]
  readonly mediumConfidence: number
  /** Least score by label where it differs from the rest. */
  readonly thresholds: ReadonlyMap<string, number>
  /** Labels that are told under another name. */
  readonly overwrites: ReadonlyMap<string, string>
}

const MAX_BLOCK_BYTES = 2 ** 24

/** Reads a config.min.json. @throws HenceError `CONFIG_INVALID`, `FORMAT_UNSUPPORTED` (features of other versions) */
export function fileTypeConfig(json: Readonly<Record<string, unknown>>): FileTypeConfig {
  const integer = (name: string, min: number, max: number): number => {
    const value = json[name]
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) throw invalid(name, value)
    return value as number
  }
  if (integer('mid_size', 0, MAX_BLOCK_BYTES) > 0 || json['use_inputs_at_offsets'] === true)
    throw new HenceError('FORMAT_UNSUPPORTED', 'config.min.json asks for bytes from the middle of files, as older versions of Magika do', {
      midSize: json['mid_size'],
    })
  const blockBytes = integer('block_size', 1, MAX_BLOCK_BYTES)
  const labels = json['target_labels_space']
  if (!Array.isArray(labels) || labels.length === 0 || !labels.every(label => typeof label === 'string'))
    throw invalid('target_labels_space', labels)
  const medium = json['medium_confidence_threshold']
  if (typeof medium !== 'number') throw invalid('medium_confidence_threshold', medium)
  return {
    beginBytes: integer('beg_size', 0, blockBytes),
    endBytes: integer('end_size', 0, blockBytes),
    blockBytes,
    paddingToken: integer('padding_token', 0, 2 ** 31 - 1),
    minFileBytes: integer('min_file_size_for_dl', 0, blockBytes),
    labels,
    mediumConfidence: medium,
    thresholds: table('thresholds', json['thresholds'], 'number'),
    overwrites: table('overwrite_map', json['overwrite_map'], 'string'),
  }
}

function table<T extends string | number>(name: string, value: unknown, type: 'string' | 'number'): Map<string, T> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (!entries.every(([, entry]) => typeof entry === type)) throw invalid(name, value)
  return new Map(entries as [string, T][])
}

function invalid(name: string, value: unknown): HenceError {
  const shown = JSON.stringify(value)?.slice(0, 80)
  return new HenceError('CONFIG_INVALID', `config.min.json: ${name} is ${shown}`, { field: name, value: shown })
}

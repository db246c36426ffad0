import { asId, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'

/** Special tokens around one encoded text. */
export interface Frame {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** Most special tokens around one text; published tokenizers have up to four. */
const MAX_FRAME = 256

const NONE: Frame = { before: [], after: [] }

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, depth: number) => Frame>> = {
  Sequence: (fields, depth) =>
    asList(fields['processors'], 'post_processor.processors').reduce<Frame>((inner, each) => {
      const outer = parsePostProcessor(each, depth + 1)
      return { before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }
    }, NONE),
  TemplateProcessing: parseTemplate,
  RobertaProcessing: parsePair,
  BertProcessing: parsePair,
  ByteLevel: () => NONE,
}

/** The special tokens that the `post_processor` of tokenizer.json puts around a single text. */
export function parsePostProcessor(value: unknown, depth = 0): Frame {
  if (value === null || value === undefined) return NONE
  checkDepth(depth, 'post_processor')
  const fields = asRecord(value, 'post_processor')
  const kind = asString(fields['type'], 'post_processor.type')
  const parse = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (!parse) throw unknownKind('post-processor', kind, Object.keys(KINDS))
  const frame = parse(fields, depth)
  const count = frame.before.length + frame.after.length
  if (count > MAX_FRAME) throw invalid(`the post-processor adds ${count} tokens, more than ${MAX_FRAME}`, { count, limit: MAX_FRAME })
  return frame
}

function parseTemplate(fields: Record<string, unknown>): Frame {
  const specials = asRecord(fields['special_tokens'] ?? {}, 'TemplateProcessing.special_tokens')
  const before: number[] = []
  const after: number[] = []
  let texts = 0
  for (const item of asList(fields['single'], 'TemplateProcessing.single')) {
    const part = asRecord(item, 'TemplateProcessing.single')
    if (part['Sequence'] !== undefined) {
      texts++
      continue
    }
    const name = asString(asRecord(part['SpecialToken'], 'TemplateProcessing.SpecialToken')['id'], 'SpecialToken.id')
    if (!Object.hasOwn(specials, name)) throw invalid(`TemplateProcessing uses ${name}, which special_tokens lacks`, { token: name })
    const ids = asList(asRecord(specials[name], `special_tokens.${name}`)['ids'], `special_tokens.${name}.ids`)
    for (const id of ids) (texts === 0 ? before : after).push(asId(id, `special_tokens.${name}.ids`))
  }
  if (texts !== 1) throw invalid(`TemplateProcessing.single should hold the text once, not ${texts} times`, { texts })
  return { before, after }
}

function parsePair(fields: Record<string, unknown>): Frame {
  const idOf = (name: 'cls' | 'sep'): number => asId(asList(fields[name], name)[1], `${name}[1]`)
  return { before: [idOf('cls')], after: [idOf('sep')] }
}

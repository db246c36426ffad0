import { asFlag, asId, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'

/** Special tokens around one encoded text. */
export interface Frame {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** A part of what a model sees: special tokens, or one of the two texts (0 or 1). */
export type TemplatePart =
  | { readonly ids: readonly number[]; readonly typeId: number }
  | { readonly text: 0 | 1; readonly typeId: number; readonly before: readonly number[]; readonly after: readonly number[] }

/** How the tokens of one or two texts become what a model sees. */
export interface PostProcessor {
  /** Special tokens around a single text. */
  readonly frame: Frame
  readonly single: readonly TemplatePart[]
  /** Undefined when the file says nothing about pairs that makes sense. */
  readonly pair: readonly TemplatePart[] | undefined
  /** Takes the white space at both ends of byte-level tokens out of offsets; one space at the start of the text may be added. */
  readonly trims: readonly { readonly addsPrefixSpace: boolean }[]
}

/** Most special tokens around one text; published tokenizers have up to four. */
const MAX_FRAME = 256
const MAX_TYPE_ID = 1 << 20

const NOTHING: Frame = { before: [], after: [] }
const NONE: PostProcessor = fromFrames(NOTHING, NOTHING, 1)

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, depth: number) => PostProcessor>> = {
  Sequence: (fields, depth) =>
    asList(fields['processors'], 'post_processor.processors').reduce<PostProcessor>(
      (inner, each) => around(parsePostProcessor(each, depth + 1), inner),
      NONE,
    ),
  TemplateProcessing: parseTemplate,
  RobertaProcessing: fields => ({
    ...wrapped(fields, true),
    trims: asFlag(fields['trim_offsets'], 'RobertaProcessing.trim_offsets', true)
      ? [{ addsPrefixSpace: asFlag(fields['add_prefix_space'], 'RobertaProcessing.add_prefix_space', true) }]
      : [],
  }),
  BertProcessing: fields => wrapped(fields, false),
  ByteLevel: fields => ({
    ...NONE,
    trims: asFlag(fields['trim_offsets'], 'ByteLevel.trim_offsets', true)
      ? [{ addsPrefixSpace: asFlag(fields['add_prefix_space'], 'ByteLevel.add_prefix_space', true) }]
      : [],
  }),
}

/** The `post_processor` of tokenizer.json. */
export function parsePostProcessor(value: unknown, depth = 0): PostProcessor {
  if (value === null || value === undefined) return NONE
  checkDepth(depth, 'post_processor')
  const fields = asRecord(value, 'post_processor')
  const kind = asString(fields['type'], 'post_processor.type')
  const parse = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (!parse) throw unknownKind('post-processor', kind, Object.keys(KINDS))
  const processor = parse(fields, depth)
  const count = Math.max(addedTokens(processor.single), addedTokens(processor.pair ?? []))
  if (count > MAX_FRAME) throw invalid(`the post-processor adds ${count} tokens, more than ${MAX_FRAME}`, { count, limit: MAX_FRAME })
  return processor
}

/** A post-processor that puts `frame` around texts, `second` around the second of a pair, which has type 1. */
export function framingProcessor(frame: Frame, second: Frame = frame): PostProcessor {
  return fromFrames(frame, second, 1)
}

/** Count of the special tokens in a template. */
export function addedTokens(parts: readonly TemplatePart[]): number {
  return parts.reduce((sum, part) => sum + ('ids' in part ? part.ids.length : part.before.length + part.after.length), 0)
}

function parseTemplate(fields: Record<string, unknown>): PostProcessor {
  const specials = asRecord(fields['special_tokens'] ?? {}, 'TemplateProcessing.special_tokens')
  const single = templateParts(fields['single'], 'single', specials)
  const pair = templateParts(fields['pair'] ?? [], 'pair', specials)
  const texts = single.filter(part => 'text' in part)
  if (texts.length !== 1 || texts[0]!.text !== 0)
    throw invalid(`TemplateProcessing.single should hold the text once, not ${texts.length} times`, { texts: texts.length })
  const at = single.indexOf(texts[0]!)
  const idsOf = (parts: readonly TemplatePart[]): number[] => parts.flatMap(part => ('ids' in part ? part.ids : []))
  const hasBoth = ([0, 1] as const).every(text => pair.filter(part => 'text' in part && part.text === text).length === 1)
  return {
    frame: { before: idsOf(single.slice(0, at)), after: idsOf(single.slice(at + 1)) },
    single,
    pair: hasBoth ? pair : undefined,
    trims: [],
  }
}

function templateParts(value: unknown, name: string, specials: Record<string, unknown>): TemplatePart[] {
  return asList(value, `TemplateProcessing.${name}`).map(item => {
    const part = asRecord(item, `TemplateProcessing.${name}`)
    if (part['Sequence'] !== undefined) {
      const sequence = asRecord(part['Sequence'], 'TemplateProcessing.Sequence')
      const id = asString(sequence['id'] ?? 'A', 'Sequence.id')
      if (id !== 'A' && id !== 'B') throw unknownKind('template sequence', id, ['A', 'B'])
      return { text: id === 'A' ? 0 : 1, typeId: typeIdOf(sequence), before: [], after: [] }
    }
    const special = asRecord(part['SpecialToken'], 'TemplateProcessing.SpecialToken')
    const token = asString(special['id'], 'SpecialToken.id')
    if (!Object.hasOwn(specials, token)) throw invalid(`TemplateProcessing uses ${token}, which special_tokens lacks`, { token })
    const ids = asList(asRecord(specials[token], `special_tokens.${token}`)['ids'], `special_tokens.${token}.ids`)
    return { ids: ids.map(id => asId(id, `special_tokens.${token}.ids`)), typeId: typeIdOf(special) }
  })
}

function typeIdOf(fields: Record<string, unknown>): number {
  const value = fields['type_id'] ?? 0
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_TYPE_ID)
    throw invalid(`type_id should be a whole number up to ${MAX_TYPE_ID}`, { value: String(value), limit: MAX_TYPE_ID })
  return value
}

/** [CLS] A [SEP], and B [SEP] after it; RoBERTa puts two separators between and knows no types. */
function wrapped(fields: Record<string, unknown>, isRoberta: boolean): PostProcessor {
  const idOf = (name: 'cls' | 'sep'): number => asId(asList(fields[name], name)[1], `${name}[1]`)
  const first: Frame = { before: [idOf('cls')], after: [idOf('sep')] }
  const second: Frame = { before: isRoberta ? [idOf('sep')] : [], after: [idOf('sep')] }
  return fromFrames(first, second, isRoberta ? 0 : 1)
}

function fromFrames(first: Frame, second: Frame, secondType: number): PostProcessor {
  const partA: TemplatePart = { text: 0, typeId: 0, ...first }
  return {
    frame: first,
    single: [partA],
    pair: [partA, { text: 1, typeId: secondType, ...second }],
    trims: [],
  }
}

/** One post-processor after another, `inner` first: what `outer` puts around a text goes around what `inner` put there. */
function around(outer: PostProcessor, inner: PostProcessor): PostProcessor {
  const nest = (parts: readonly TemplatePart[]): readonly TemplatePart[] | undefined => {
    const nested = parts.map(part => {
      if ('ids' in part) return part
      const within = (part.text === 0 && parts.length === outer.single.length ? inner.single : inner.pair)?.find(
        each => 'text' in each && each.text === part.text,
      )
      if (within === undefined || 'ids' in within) return undefined
      return { ...part, before: [...part.before, ...within.before], after: [...within.after, ...part.after] }
    })
    return nested.some(part => part === undefined) ? undefined : (nested as TemplatePart[])
  }
  const trims = [...inner.trims, ...outer.trims]
  const addsNothing = (each: PostProcessor): boolean => addedTokens(each.single) + addedTokens(each.pair ?? []) === 0
  if (addsNothing(outer)) return { ...inner, trims }
  if (addsNothing(inner)) return { ...outer, trims }
  return {
    frame: {
      before: [...outer.frame.before, ...inner.frame.before],
      after: [...inner.frame.after, ...outer.frame.after],
    },
    single: nest(outer.single) ?? outer.single,
    pair: outer.pair && nest(outer.pair),
    trims,
  }
}

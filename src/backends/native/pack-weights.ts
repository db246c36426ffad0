import { HenceError, throwIfAborted } from '../../core/index.ts'
import { type StorageType, type StoredTensor, storageBytes, WEIGHT_TYPES, type WeightType } from '../../formats/index.ts'
import type { Program } from '../../program/index.ts'
import type { CompileOptions, WeightProvider } from '../backend.ts'
import { type ResolvedWeight, readStoredRows, readWeightRows, resolveWeight, storedRowType, wholeTensor } from '../weights.ts'
import { type Addon, LAYOUTS, type NativeHandle } from './addon.ts'
import { type ConvTransposeForm, convTransposeMatrix, convTransposeRows } from './conv-transpose-weights.ts'
import { type ConvForm, convMatrix, convRows } from './conv-weights.ts'
import { weightUses } from './encode.ts'
import { type ExpertsForm, useKey, type WeightForm } from './encoder.ts'
import { openPackedRegion } from './packed-cache.ts'
import { type QuantisedForm, quantisedMatrix, quantisedRows, signedCodes } from './quantised-weights.ts'

/** Bytes of a weight read and packed at a time: bounds the memory that loading takes beyond the weights themselves. */
const CHUNK_BYTES = 32 << 20
/** Rows of a matrix that lie together; native/layouts.h has the same number. */
const PANEL_ROWS = 16
/** Raised when packed bytes change their meaning: older cached files are then not found any more. */
const LAYOUT_VERSION = 3

/** The storage type the addon is given for rows of signed bytes: the one after those of files. */
const SIGNED_BYTES = WEIGHT_TYPES.length

/** Types that the addon packs as they stand from a transpose. */
const FLOATS: ReadonlySet<StorageType> = new Set(['f32', 'f16', 'bf16'])

/** Where a weight lies in the region of all weights. */
export interface PlacedWeight {
  readonly form: WeightForm
  /** Index into {@link LAYOUTS}; of dense weights 0. */
  readonly layout: number
  readonly n: number
  readonly k: number
  readonly region: WeightRegion
  readonly offset: number
  readonly bytes: number
}

/** Native memory with packed weights. It goes with the last program that reads them. */
export interface WeightRegion {
  handle: NativeHandle
  users: number
}

/** All weights of a program in native memory. */
export interface PackedWeights {
  readonly regions: readonly WeightRegion[]
  readonly bytes: number
  /** By the key of a use; buffers that name the same weight in the same form share a place. */
  readonly places: ReadonlyMap<string, PlacedWeight>
}

/** A weight to pack once, for all buffers that name it. */
interface Entry {
  readonly weight: ResolvedWeight
  readonly place: PlacedWeight
  readonly type: number
}

/** Weights that programs with the same {@link WeightProvider.shared} object have packed, by form and source. */
const sharedPlaces = new WeakMap<object, Map<string, PlacedWeight>>()

/** Reads, transcodes and places every weight of a program that kernels use; from the cache where it was done before. */
export async function packWeights(
  addon: Addon,
  device: NativeHandle,
  program: Program,
  weights: WeightProvider,
  options: CompileOptions,
): Promise<PackedWeights> {
  const known = knownPlaces(weights)
  const { entries, places, region, bytes } = await placeWeights(addon, program, weights, known, options.signal)
  const regions = [...new Set([...places.values()].map(place => place.region))]
  const total = [...new Set(places.values())].reduce((sum, place) => sum + place.bytes, 0)
  if (entries.size > 0) {
    await fillRegion(addon, device, region, entries, bytes, weights, options)
    for (const [key, { place }] of entries) known.set(key, place)
  }
  for (const one of regions) one.users++
  return { regions, bytes: total, places }
}

/** Lets go of the weights of a program; memory nobody reads any more is freed. */
export function releaseWeights(addon: Addon, owner: Pick<WeightProvider, 'shared'>, { regions }: PackedWeights): void {
  const known = knownPlaces(owner)
  for (const region of regions) {
    if (--region.users > 0) continue
    for (const [key, place] of known) if (place.region === region) known.delete(key)
    addon.release(region.handle)
  }
}

function knownPlaces({ shared }: Pick<WeightProvider, 'shared'>): Map<string, PlacedWeight> {
  if (!shared) return new Map()
  const known = sharedPlaces.get(shared) ?? new Map<string, PlacedWeight>()
  sharedPlaces.set(shared, known)
  return known
}

/** Gets the memory of a region and packs its weights into it, or finds them packed in the cache. */
async function fillRegion(
  addon: Addon,
  device: NativeHandle,
  region: WeightRegion,
  entries: ReadonlyMap<string, Entry>,
  bytes: number,
  weights: WeightProvider,
  options: CompileOptions,
): Promise<void> {
  const recipe = JSON.stringify([LAYOUT_VERSION, ...entries.keys()])
  const cached = await openPackedRegion(addon, weights.files, recipe, bytes, options)
  const handle = cached?.region ?? addon.regionAnonymous(bytes)
  if (typeof handle === 'number')
    throw new HenceError('OUT_OF_MEMORY', `cannot get ${bytes} bytes for the weights`, { bytes, errno: handle })
  region.handle = handle
  if (cached?.isFilled) return
  const totalBytes = [...entries.values()].reduce((sum, { place }) => sum + place.bytes, 0)
  let doneBytes = 0
  for (const entry of entries.values()) {
    await packEntry(addon, device, handle, entry, options.signal)
    doneBytes += entry.place.bytes
    options.onProgress?.({ stage: 'pack', doneBytes, totalBytes })
  }
  cached?.keep()
}

/** Places for all weights of a program: known ones, and new ones in a region that has no memory yet. */
async function placeWeights(
  addon: Addon,
  program: Program,
  weights: WeightProvider,
  known: ReadonlyMap<string, PlacedWeight>,
  signal: AbortSignal | undefined,
) {
  const region: WeightRegion = { handle: undefined as never, users: 0 }
  const entries = new Map<string, Entry>()
  const places = new Map<string, PlacedWeight>()
  let bytes = 0
  for (const use of weightUses(program)) {
    const { form } = use
    const buffer = program.buffers[use.buffer]!
    const weight = resolveWeight(buffer, weights)
    const key = JSON.stringify([form, buffer.source, weight.n, weight.k])
    const shared = known.get(key)
    let entry = entries.get(key)
    if (!shared && !entry) {
      // What the addon cannot pack as it stands goes through f32.
      const stored = isPanels(form) ? (storedRowType(weight) ?? transposedType(form, weight) ?? 'f32') : 'f32'
      const type = isBytes(form) ? SIGNED_BYTES : WEIGHT_TYPES.indexOf(stored as WeightType)
      const layout = isPanels(form) || isBytes(form) ? await layoutOf(addon, type, weight.tensors, signal) : LAYOUTS.indexOf('f32')
      const { n, k } = isFilters(form) ? filterMatrix(form, convShape(weight)) : isExperts(form) ? expertsMatrix(form, weight) : weight
      const size = form === 'dense' ? n * k * 4 : addon.packedBytes(layout, n, k)
      entry = { weight, type, place: { form, layout, n, k, region, offset: bytes, bytes: size } }
      entries.set(key, entry)
      // Kernels prefetch and load whole vectors a little past the end of a weight.
      bytes += Math.ceil(size / 64) * 64 + 64
    }
    places.set(useKey(use), shared ?? entry!.place)
  }
  return { entries, places, region, bytes }
}

/** A form whose rows are made from all of a weight at once. */
type FilterForm = ConvForm | ConvTransposeForm | QuantisedForm

function isFilters(form: WeightForm): form is FilterForm {
  return typeof form === 'object' && !isExperts(form)
}

function isExperts(form: WeightForm): form is ExpertsForm {
  return typeof form === 'object' && 'experts' in form
}

/** A form that keeps the layout of the file's own blocks. */
function isPanels(form: WeightForm): form is 'packed' | ExpertsForm {
  return form === 'packed' || isExperts(form)
}

/** Every expert's rows, filled up to whole panels. */
function expertsMatrix({ experts }: ExpertsForm, { n, k }: Pick<ResolvedWeight, 'n' | 'k'>): { n: number; k: number } {
  return { n: experts * Math.ceil(n / experts / PANEL_ROWS) * PANEL_ROWS, k }
}

function isBytes(form: WeightForm): form is QuantisedForm {
  return isFilters(form) && 'quantised' in form
}

function filterMatrix(form: FilterForm, shape: readonly [number, number, number, number]): { n: number; k: number } {
  if (isBytes(form)) return quantisedMatrix(form, shape)
  return 'conv' in form ? convMatrix(form, shape) : convTransposeMatrix(form, shape)
}

async function filterRows(form: FilterForm, weight: ResolvedWeight, signal: AbortSignal | undefined): Promise<Float32Array | Int8Array> {
  const shape = convShape(weight)
  if (isBytes(form)) return quantisedRows(form, shape, signedCodes(form, await readCodes(weight, signal)))
  const values = await readWeightRows(weight, 0, weight.n, signal)
  return 'conv' in form ? convRows(form, shape, values) : convTransposeRows(form, shape, values)
}

/** Whole numbers of a weight, without a detour through floats where the file has bytes of them. */
async function readCodes(weight: ResolvedWeight, signal: AbortSignal | undefined): Promise<Float32Array | Int8Array | Uint8Array> {
  const whole = wholeTensor(weight)
  if (!whole || whole.isTransposed || !isCode(whole.tensor.type)) return readWeightRows(weight, 0, weight.n, signal)
  return codesOf(whole.tensor, signal)
}

async function codesOf(tensor: StoredTensor, signal: AbortSignal | undefined): Promise<Int8Array | Uint8Array> {
  const bytes = await tensor.read(0, tensor.byteLength, signal)
  return tensor.type === 'u8' ? bytes : new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function isCode(type: StorageType): boolean {
  return type === 'i8' || type === 'u8'
}

/** The storage type of a weight that is packed from the transpose which the file has; undefined for others. */
function transposedType(form: WeightForm, weight: ResolvedWeight): StorageType | undefined {
  const whole = wholeTensor(weight)
  if (!whole?.isTransposed) return undefined
  const { type } = whole.tensor
  const isPacked = isFilters(form) ? isBytes(form) && isCode(type) : form === 'packed' && FLOATS.has(type)
  return isPacked ? type : undefined
}

/** The shape of a filter; a plain matrix is a filter of one tap. */
function convShape({ buffer: { shape } }: ResolvedWeight): readonly [number, number, number, number] {
  return (shape.length === 2 ? [shape[0], 1, 1, shape[1]] : shape) as readonly [number, number, number, number]
}

/** MXFP4 scales may lie outside the range of the compact layout, so its bytes are looked at. */
async function layoutOf(addon: Addon, type: number, tensors: readonly StoredTensor[], signal: AbortSignal | undefined): Promise<number> {
  if (WEIGHT_TYPES[type] !== 'mxfp4') return addon.layoutFor(type)
  const compact = addon.layoutFor(type, new Uint8Array(0))
  const step = CHUNK_BYTES - (CHUNK_BYTES % storageBytes('mxfp4', 32))
  for (const tensor of tensors)
    for (let offset = 0; offset < tensor.byteLength; offset += step) {
      const layout = addon.layoutFor(type, await tensor.read(offset, Math.min(step, tensor.byteLength - offset), signal))
      if (layout !== compact) return layout
    }
  return compact
}

async function packEntry(
  addon: Addon,
  device: NativeHandle,
  region: NativeHandle,
  { weight, type, place }: Entry,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { n, k } = weight
  const { form } = place
  if (transposedType(form, weight)) {
    const { tensor } = wholeTensor(weight)!
    const bytes = isFilters(form)
      ? new Uint8Array(signedCodes(form as QuantisedForm, await codesOf(tensor, signal)).buffer)
      : await tensor.read(0, tensor.byteLength, signal)
    await addon.packTransposed(device, region, place.offset, type, bytes, n, k)
    return
  }
  if (isFilters(form)) {
    const rows = await filterRows(form, weight, signal)
    await addon.pack(device, region, place.offset, type, new Uint8Array(rows.buffer), 0, place.n, place.layout, place.n, place.k)
    return
  }
  if (form === 'dense') {
    const values = await readWeightRows(weight, 0, n, signal)
    addon.copy(region, place.offset, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return
  }
  const stored = storedRowType(weight)
  const rowBytes = storageBytes(stored ?? 'f32', k)
  const rowsPerChunk = Math.max(PANEL_ROWS, Math.floor(CHUNK_BYTES / rowBytes / PANEL_ROWS) * PANEL_ROWS)
  const experts = isExperts(form) ? form.experts : 1
  const expertRows = n / experts
  const chunks = Array.from({ length: experts }, (_, expert) =>
    Array.from({ length: Math.ceil(expertRows / rowsPerChunk) }, (_, i) => {
      const begin = i * rowsPerChunk
      return { expert, begin, end: Math.min(expertRows, begin + rowsPerChunk) }
    }),
  ).flat()
  const read = async (begin: number, end: number): Promise<Uint8Array> => {
    if (stored) return readStoredRows(weight, begin, end, signal)
    const values = await readWeightRows(weight, begin, end, signal)
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  }
  const expertBytes = place.bytes / experts
  // The next chunk is read while this one is packed.
  const readChunk = ({ expert, begin, end }: (typeof chunks)[number]) => read(expert * expertRows + begin, expert * expertRows + end)
  let next = readChunk(chunks[0]!)
  for (const [i, { expert, begin, end }] of chunks.entries()) {
    throwIfAborted(signal)
    const bytes = await next
    if (i + 1 < chunks.length) next = readChunk(chunks[i + 1]!)
    await addon.pack(device, region, place.offset + expert * expertBytes, type, bytes, begin, end - begin, place.layout, expertRows, k)
  }
}

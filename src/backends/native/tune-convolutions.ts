import { throwIfAborted } from '../../core/index.ts'
import { type ConvAttributes, type Instruction, type Program, ProgramBuilder, planMemory } from '../../program/index.ts'
import type { Precision } from '../backend.ts'
import { type Addon, LAYOUTS, type NativeHandle } from './addon.ts'
import { convMethod } from './conv-plan.ts'
import { convMatrix } from './conv-weights.ts'
import { encodeProgram, weightUses } from './encode.ts'
import { useKey } from './encoder.ts'
import { NativeExecution } from './execution.ts'
import type { PlacedWeight, WeightRegion } from './pack-weights.ts'
import { tuningFor } from './tuning-cache.ts'

type Algorithm = 'direct' | 'winograd'

/** Milliseconds that the measurements of one program may take together; what is left is chosen by rule. */
const BUDGET_MS = 500
const ROUNDS = 4
/** Larger images are measured on as many of their rows as make this many multiply-adds, but on no fewer than two rows of tiles. */
const MEASURED_WORK = 60_000_000
const FEWEST_ROWS = 8
/** The rule is overruled by what is faster by this factor: less may be chance. */
const MARGIN = 0.9
/** Convolutions with less work are decided by rule: whatever is chosen, little is lost. */
const SMALLEST_WORK = 2_000_000

/** Where and how programs are measured. */
export interface TuningPlace {
  readonly addon: Addon
  readonly device: NativeHandle
  readonly target: string
  readonly threads: number
  readonly precision: Precision
  readonly signal: AbortSignal | undefined
}

/** The sizes of a convolution that can be done by either algorithm. */
interface Choice {
  readonly instruction: Instruction
  /** Batch, height, width, channels. */
  readonly x: readonly [number, number, number, number]
  readonly weight: readonly [number, number, number, number]
}

/**
 * The program with an algorithm for every convolution that has a choice: the one that was faster when both were measured, here
 * or at an earlier start. Without a cache to keep the answers in nothing is measured, so that every start decides alike.
 */
export async function tuneConvolutions(program: Program, place: TuningPlace): Promise<Program> {
  const choices = new Map(program.instructions.flatMap((instruction, at) => choiceOf(program, instruction, at)))
  if (choices.size === 0) return program
  const tuning = await tuningFor(place)
  if (!tuning) return program
  const found = new Map<number, Algorithm>()
  const begun = performance.now()
  for (const [at, choice] of choices) {
    const key = keyOf(choice)
    let algorithm = tuning.get(key)
    if (!algorithm && performance.now() - begun < BUDGET_MS) {
      throwIfAborted(place.signal)
      algorithm = await faster(choice, program, place)
      tuning.set(key, algorithm)
    }
    if (algorithm) found.set(at, algorithm)
  }
  await tuning.keep()
  if (found.size === 0) return program
  const instructions = program.instructions.map((instruction, at): Instruction => {
    const algorithm = found.get(at)
    return algorithm ? { ...instruction, attributes: { ...instruction.attributes, algorithm } } : instruction
  })
  return { ...program, instructions }
}

function choiceOf({ buffers }: Program, instruction: Instruction, at: number): [number, Choice][] {
  const { op, inputs, outputs } = instruction
  const { groups = 1, strides = [1, 1], dilations = [1, 1], algorithm } = instruction.attributes as ConvAttributes
  if (op !== 'conv' || algorithm !== undefined || groups !== 1 || buffers[inputs[1]!]!.role !== 'weight') return []
  const [x, weight, y] = [inputs[0]!, inputs[1]!, outputs[0]!].map(id => buffers[id]!.shape) as [number[], number[], number[]]
  if (![...x, ...y].every(size => typeof size === 'number')) return []
  const isSuitable = weight[1] === 3 && weight[2] === 3 && [...strides, ...dilations].every(step => step === 1)
  const work = y[0]! * y[1]! * y[2]! * weight[0]! * 9 * weight[3]!
  // Winograd's method works on whole vectors of channels.
  if (!isSuitable || work < SMALLEST_WORK || weight[0]! < 16 || weight[3]! < 16) return []
  return [[at, { instruction, x: x as never, weight: weight as never }]]
}

function keyOf({ x, weight, instruction }: Choice): string {
  const { pads = [0, 0, 0, 0] } = instruction.attributes as ConvAttributes
  return `${x.join('x')} ${weight[0]}x${weight[3]} ${pads.join(',')}`
}

async function faster(choice: Choice, program: Program, place: TuningPlace): Promise<Algorithm> {
  const rule: Algorithm = convMethod(program, choice.instruction) === 'winograd' ? 'winograd' : 'direct'
  const other: Algorithm = rule === 'winograd' ? 'direct' : 'winograd'
  const trials: Trial[] = []
  try {
    for (const algorithm of [rule, other]) {
      const trial = prepare(choice, algorithm, place)
      if (!trial) return rule
      trials.push(trial)
    }
    const least: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    // In turns, so that what else the machine does meets both.
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, trial] of trials.entries()) least[i as 0 | 1] = Math.min(least[i as 0 | 1], await trial.run())
    return least[1] < least[0] * MARGIN ? other : rule
  } finally {
    for (const trial of trials) trial.dispose()
  }
}

interface Trial {
  /** Seconds. */
  run(): Promise<number>
  dispose(): void
}

/** A convolution alone, on numbers made up; undefined without the memory for it. */
function prepare({ instruction, x, weight }: Choice, algorithm: Algorithm, place: TuningPlace): Trial | undefined {
  const { addon, device, threads, precision } = place
  const [batch, height, width, channels] = x
  const perRow = batch * width * weight[0] * 9 * channels
  const rows = Math.min(height, Math.max(FEWEST_ROWS, Math.ceil(MEASURED_WORK / perRow / 4) * 4))
  const { pads = [0, 0, 0, 0] } = instruction.attributes as ConvAttributes
  const b = new ProgramBuilder('measured')
  const input = b.input('x', 'f32', [batch, rows, width, channels])
  b.output('y', b.op('conv', 'y', [input, b.weight({ tensor: 'w' }, weight)], { pads, algorithm }))
  const program = b.build()
  const encoded = encodeProgram(program)
  const [use] = weightUses(program)
  const layout = LAYOUTS.indexOf('f32')
  const { n, k } = convMatrix(use!.form as Parameters<typeof convMatrix>[0], weight)
  const bytes = addon.packedBytes(layout, n, k)
  const handle = addon.regionAnonymous(bytes + 64)
  if (typeof handle === 'number') return undefined
  // Memory that was never written is one page of zeros, which no cache misses.
  new Float32Array(addon.regionArrayBuffer(handle)).fill(0.01)
  const region: WeightRegion = { handle, users: 1 }
  const placed: PlacedWeight = { form: use!.form, layout, n, k, region, offset: 0, bytes }
  const weights = { regions: [region], bytes, places: new Map([[useKey(use!), placed]]) }
  const parts = {
    addon,
    device,
    threads,
    program,
    encoded,
    weights,
    hostWeights: new Map(),
    plan: planMemory(program, {}),
    limits: {},
    precision,
  }
  const execution = new NativeExecution(parts)
  const values = { x: new Float32Array(batch * rows * width * channels).fill(0.5) }
  const seconds = new Float64Array(1)
  return {
    async run() {
      await execution.run(values, {}, { seconds })
      return seconds[0]!
    },
    dispose() {
      execution.dispose()
      addon.release(handle)
    },
  }
}

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { allocate, type ElementType, Rng } from '../../../core/index.ts'
import type { OnnxAttribute } from '../../../formats/index.ts'
import { Attributes } from '../../attributes.ts'
import type { GraphTensor, OperatorCall, OperatorHost } from '../../operator.ts'
import { findOperator } from '../index.ts'

interface PlainTensor {
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly data: readonly (number | string)[]
}

interface Case {
  readonly name: string
  readonly operator: string
  readonly version: number
  readonly attributes: Readonly<Record<string, { readonly type: string; readonly value: unknown }>>
  readonly inputs: readonly PlainTensor[]
  readonly outputs: readonly PlainTensor[]
  /** Classes scikit-learn predicts. */
  readonly labels?: readonly number[]
  /** Values scikit-learn predicts. */
  readonly predictions?: readonly number[]
}

const cases = JSON.parse(
  readFileSync(new URL('../../../../test/references/classic/fixtures/answers.json', import.meta.url), 'utf8'),
) as readonly Case[]

const host: OperatorHost = {
  random: seed => new Rng(seed ?? 0),
  runGraph: async () => [],
  maxLoopIterations: 10,
}

function tensorOf({ dtype, shape, data }: PlainTensor): GraphTensor {
  const array = allocate(dtype, data.length) as { [index: number]: unknown }
  for (const [at, value] of data.entries()) array[at] = dtype === 'string' ? value : dtype === 'i64' ? BigInt(value) : Number(value)
  return { dtype, shape, data: array } as GraphTensor
}

function attributeOf({ type, value }: { readonly type: string; readonly value: unknown }): OnnxAttribute {
  if (type === 'tensor') return { type, value: tensorOf(value as PlainTensor) }
  const number = (entry: number | string): number => Math.fround(Number(entry))
  if (type === 'floats') return { type, value: (value as (number | string)[]).map(number) }
  if (type === 'float') return { type, value: number(value as number | string) }
  return { type, value } as OnnxAttribute
}

async function run({ operator, version, attributes, inputs, outputs }: Case): Promise<GraphTensor[]> {
  const entries = Object.entries(attributes).map(([name, attribute]) => [name, attributeOf(attribute)] as const)
  const call: OperatorCall = {
    node: operator,
    version,
    inputs: inputs.map(tensorOf),
    attributes: new Attributes(operator, Object.fromEntries(entries)),
    outputCount: outputs.length,
    host,
  }
  return (await findOperator('ai.onnx.ml', operator)!.run(call)) as GraphTensor[]
}

/** Largest distance by which float32 sums of ONNX Runtime may differ from double-precision ones, relative to 1. */
const TOLERANCE = 2e-5

describe('answers of ONNX Runtime and scikit-learn', () => {
  test.each(cases)('$name', async one => {
    const results = await run(one)
    for (const [at, expected] of one.outputs.entries()) {
      const { dtype, shape, data } = results[at]!
      expect({ dtype, shape }).toEqual({ dtype: expected.dtype, shape: expected.shape })
      for (const [index, value] of tensorOf(expected).data.entries()) {
        const got = data[index]
        const close =
          typeof value !== 'number' || typeof got !== 'number'
            ? got === value
            : Object.is(got, value) || Math.abs(got - value) <= TOLERANCE * Math.max(1, Math.abs(value)) || (got === 0 && value === 0)
        expect(close, `output ${at}[${index}]: expected ${value}, got ${got}`).toBe(true)
      }
    }
    const width = one.inputs[0]!.shape[1]!
    if (one.operator.startsWith('Tree')) {
      // A row alone goes another way through the trees.
      const [{ dtype, data }] = one.inputs as readonly [PlainTensor]
      const alone = await run({ ...one, inputs: [{ dtype, shape: [1, width], data: data.slice(0, width) }] })
      for (const [at, { data: values }] of alone.entries()) expect([...values]).toEqual([...results[at]!.data.slice(0, values.length)])
    }
    if (one.labels) expect(Array.from(results[0]!.data, Number)).toEqual(one.labels)
    for (const [at, value] of (one.predictions ?? []).entries()) expect(results[0]!.data[at]).toBeCloseTo(value, 3)
  })
})

import { useState } from 'preact/hooks'
import { type ModelStatus, postJson, type TensorValue } from './api.ts'
import { formatShape } from './format.ts'

interface Output {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

interface Result {
  readonly outputs: readonly Output[]
  readonly timing: string
  readonly batch: string
}

const DATATYPES: Readonly<Record<string, string>> = {
  f32: 'FP32',
  f64: 'FP64',
  f16: 'FP16',
  bf16: 'BF16',
  bool: 'BOOL',
  string: 'BYTES',
  i8: 'INT8',
  i16: 'INT16',
  i32: 'INT32',
  i64: 'INT64',
  u8: 'UINT8',
  u16: 'UINT16',
  u32: 'UINT32',
  u64: 'UINT64',
}

/** Longest example that is written out. */
const MAX_EXAMPLE = 4_096
const SHOWN_VALUES = 64

export function TensorTrial({ model }: { model: ModelStatus }) {
  const [text, setText] = useState(() => exampleFor(model.inputs ?? []))
  const [result, setResult] = useState<Result>()
  const [trouble, setTrouble] = useState('')
  const run = async () => {
    setTrouble('')
    try {
      // Sent as it was written, so that long whole numbers stay exact.
      const response = await postJson(`/v2/models/${encodeURIComponent(model.name)}/infer`, text)
      const { outputs } = (await response.json()) as { outputs: Output[] }
      setResult({ outputs, timing: response.headers.get('server-timing') ?? '', batch: response.headers.get('x-batch') ?? '' })
    } catch (error) {
      setResult(undefined)
      setTrouble((error as Error).message)
    }
  }
  return (
    <div class="card trial">
      <div>
        <p class="note">
          {(model.inputs ?? []).map(({ name, dtype, shape }) => (
            <span key={name} class="chip">
              {name} {dtype} {formatShape(shape)}
            </span>
          ))}
        </p>
        <label for="tensor-request">Request, as the Open Inference Protocol has it</label>
        <textarea
          id="tensor-request"
          class="code"
          rows={14}
          spellcheck={false}
          value={text}
          onInput={event => setText(event.currentTarget.value)}
          onKeyDown={event => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && void run()}
        />
        <button type="button" class="primary" onClick={() => void run()}>
          Run
        </button>
      </div>
      <div aria-live="polite">
        <h2>Result</h2>
        {!result && !trouble && <p class="note">Nothing yet.</p>}
        {trouble && <p class="warn">{trouble}</p>}
        {result?.outputs.map(output => (
          <OutputView key={output.name} output={output} />
        ))}
        {result && <p class="stats">{[result.timing.replaceAll(';dur=', ' '), result.batch].filter(Boolean).join(' · ')}</p>}
      </div>
    </div>
  )
}

function OutputView({ output: { name, datatype, shape, data } }: { output: Output }) {
  const rest = data.length - SHOWN_VALUES
  return (
    <>
      <h3>
        {name}{' '}
        <small>
          {datatype} {formatShape(shape)}
        </small>
      </h3>
      <pre>
        {data
          .slice(0, SHOWN_VALUES)
          .map(value => (typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(6) : String(value)))
          .join('  ')}
        {rest > 0 && `  … ${rest} more`}
      </pre>
    </>
  )
}

/** Zeros of the sizes a model takes; what is not known is one. */
function exampleFor(inputs: readonly TensorValue[]): string {
  const entries = inputs.map(({ name, dtype = 'f32', shape = [] }) => {
    const sizes = shape.map(size => (typeof size === 'number' ? size : 1))
    const count = sizes.reduce((product, size) => product * size, 1)
    const zero = dtype === 'string' ? '""' : dtype === 'bool' ? 'false' : '0'
    const data = count > MAX_EXAMPLE ? '[]' : `[${Array(count).fill(zero).join(', ')}]`
    return `    { "name": ${JSON.stringify(name)}, "datatype": "${DATATYPES[dtype] ?? dtype}", "shape": ${JSON.stringify(sizes)},\n      "data": ${data} }`
  })
  return `{\n  "inputs": [\n${entries.join(',\n')}\n  ]\n}`
}

import { HenceError, type Model } from '../core/index.ts'

/** @throws HenceError `OPTION_INVALID` for what has no named inputs, such as a language model */
export function requireTensorModel(task: string, model: Model): void {
  const kind: unknown = Object(model).kind
  if (kind === 'tensor') return
  throw new HenceError(
    'OPTION_INVALID',
    `${task}: the model must be a tensor model, is ${kind === undefined ? 'none' : `a ${kind} model`}`,
    {
      kind: kind ?? null,
      hint: "Load one with load(path, { kind: 'tensor' }) and wait for it; the tensor models are ONNX files and encoders.",
    },
  )
}

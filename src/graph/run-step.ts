import { HenceError, type TensorData } from '../core/index.ts'
import { attributesOf, type Graph, type GraphNode, labelOf } from './graph.ts'
import { Interpreter, type InterpretOptions, type OuterScope } from './interpreter.ts'
import { fromHeld, toHeld, toIndices } from './lowering/storage.ts'
import type { GraphTensor, Value } from './operator.ts'
import { findOperator } from './operators/index.ts'
import type { RunTimes } from './run-times.ts'
import type { Bodies, ProgramStep } from './stage.ts'

/** Settings of a host step, and what runs the bodies of its node; without it they are interpreted. */
export interface HostStepOptions extends InterpretOptions {
  readonly bodies?: Bodies | undefined
  /** Gets what the steps of bodies take. */
  readonly times?: RunTimes | undefined
}

/** The results of a node by its definition, by position; most operators give them at once. */
export function computeNode(
  node: GraphNode,
  graph: Graph,
  get: (name: string) => Value | undefined,
  options: HostStepOptions,
): readonly (Value | undefined)[] | Promise<readonly (Value | undefined)[]> {
  const operator = findOperator(node.domain, node.op)
  const label = labelOf(node)
  if (!operator) throw new HenceError('OPERATOR_UNSUPPORTED', `${label}: Hence lacks this operator`, { node: label })
  const { bodies, signal, times } = options
  const host = new Interpreter(graph.model, options).host({ get }, node.opsets ?? graph.model.opsets)
  return operator.run({
    node: label,
    version: node.version,
    inputs: node.inputs.map(name => (name === '' ? undefined : get(name))),
    attributes: attributesOf(node),
    outputCount: node.outputs.length,
    host: bodies
      ? { ...host, runGraph: (body, inputs) => bodies.run(body, inputs, { get, interpret: host.runGraph, signal, times }) }
      : host,
  })
}

/** Runs a node by its definition; its results join `values`. */
export async function runHostStep(
  node: GraphNode,
  graph: Graph,
  values: Map<string, Value>,
  constants: OuterScope,
  options: HostStepOptions,
): Promise<readonly (Value | undefined)[]> {
  const results = await computeNode(node, graph, name => values.get(name) ?? constants.get(name), options)
  for (const [i, name] of node.outputs.entries()) {
    const value = results[i]
    if (name !== '' && value) values.set(name, value)
  }
  return node.outputs.map((name, i) => (name === '' ? undefined : results[i]))
}

/** Runs a program on an execution of its own; its outputs join `values`. What instructions took is added to `seconds`. */
export async function runProgramStep(
  step: ProgramStep,
  values: Map<string, Value>,
  signal: AbortSignal | undefined,
  seconds?: Float64Array,
): Promise<undefined> {
  const { segment, executable, idle } = step
  const inputs: Record<string, TensorData> = {}
  for (const { value, name, dtype, rows, least } of segment.inputs) {
    const tensor = values.get(value) as GraphTensor
    inputs[name] = rows === undefined ? toHeld(tensor, dtype) : toIndices(tensor, rows, least)
  }
  const execution = idle.pop() ?? executable.createExecution()
  const taken = seconds && new Float64Array(seconds.length)
  try {
    const outputs = await execution.run(inputs, {}, { signal, seconds: taken })
    for (const { value, name, type } of segment.outputs) values.set(value, fromHeld(outputs[name]!.data, type))
    for (const [at, value] of taken?.entries() ?? []) seconds![at]! += value
  } finally {
    idle.push(execution)
  }
}

import { type HenceError, isHenceError } from '../../core/index.ts'
import { type PosteriorsJson, posteriorsToJson } from './posteriors-json.ts'
import type { Questionable } from './question.ts'

/** A function that a language model can call: its parameters are a JSON schema. */
export interface NetworkTool {
  readonly name: string
  readonly description: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** Never throws for a question that is wrong: the answer says what to correct. */
  call(parameters: unknown): Promise<NetworkToolAnswer>
}

/** What {@link NetworkTool.call} answers with. */
export type NetworkToolAnswer = PosteriorsJson | { readonly error: ReturnType<HenceError['toJSON']> }

/** How a network introduces itself. */
export interface NetworkToolOptions {
  readonly name?: string | undefined
  readonly description?: string | undefined
}

/** A network as a tool: the schema lists its variables and states, so that a model can only ask what there is. */
export function networkTool(net: Questionable, { name, description }: NetworkToolOptions = {}): NetworkTool {
  const { variables } = net.network
  const states = Object.fromEntries(variables.map(({ name, states }) => [name, { type: 'string', enum: states }]))
  return {
    name: name ?? `query_${net.network.name.replace(/\W+/g, '_') || 'network'}`,
    description:
      description ??
      `Computes probabilities in a Bayesian network over ${variables.length} variables, given what was observed and what is done.`,
    parameters: {
      type: 'object',
      properties: {
        ask: {
          type: 'array',
          items: { type: 'string', enum: variables.map(({ name }) => name) },
          minItems: 1,
          description: 'variables whose probabilities are wanted',
        },
        given: { type: 'object', properties: states, additionalProperties: false, description: 'observed states by variable' },
        do: {
          type: 'object',
          properties: states,
          additionalProperties: false,
          description: 'states that are set from outside, whatever their causes are',
        },
      },
      required: ['ask'],
      additionalProperties: false,
    },
    async call(parameters) {
      try {
        const { ask, ...options } = { ...(parameters as { ask?: readonly string[] }) }
        return posteriorsToJson(net, await net.queryAsync(ask, options))
      } catch (error) {
        if (isHenceError(error)) return { error: error.toJSON() }
        throw error
      }
    },
  }
}

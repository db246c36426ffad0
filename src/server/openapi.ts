import { z } from 'zod'
import { packageVersion } from '../core/index.ts'
import { CHAT_REQUEST } from './openai/chat-request.ts'
import { COMPLETION_REQUEST } from './openai/completion-request.ts'
import { EMBEDDING_REQUEST } from './openai/embeddings.ts'
import type { Route } from './route.ts'

type Schema = Readonly<Record<string, unknown>>

/** What a route takes and gives, where there is more to say than that it is JSON. */
interface Operation {
  readonly summary: string
  readonly body?: Schema
  readonly answer?: Schema
}

const TENSORS: Schema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'shape', 'datatype'],
    properties: {
      name: { type: 'string' },
      shape: { type: 'array', items: { type: 'integer', minimum: 0 } },
      datatype: {
        enum: ['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64', 'FP16', 'BF16', 'FP32', 'FP64', 'BYTES'],
      },
      data: { type: 'array', description: 'Nested or flat, row-major. Absent where the bytes follow the JSON part.' },
      parameters: { type: 'object', properties: { binary_data_size: { type: 'integer' }, binary_data: { type: 'boolean' } } },
    },
  },
}

const USAGE: Schema = {
  type: 'object',
  properties: {
    prompt_tokens: { type: 'integer' },
    completion_tokens: { type: 'integer' },
    total_tokens: { type: 'integer' },
    prompt_tokens_details: { type: 'object', properties: { cached_tokens: { type: 'integer' } } },
  },
}

/** The answer of a request for text: its head, choices of the given shape, and token counts. */
function answerOf(object: string, choice: Schema): Schema {
  return {
    type: 'object',
    properties: {
      id: { type: 'string' },
      object: { const: object },
      created: { type: 'integer' },
      model: { type: 'string' },
      choices: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            index: { type: 'integer' },
            finish_reason: { enum: ['stop', 'length'] },
            stop_reason: { type: ['string', 'integer'], description: 'The stop text or token that ended the answer.' },
            logprobs: { type: ['object', 'null'] },
            ...choice,
          },
        },
      },
      usage: USAGE,
    },
  }
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /health': { summary: 'The server lives' },
  'GET /ready': { summary: 'All models are loaded; 503 until then' },
  'GET /metrics': { summary: 'Counters in the Prometheus format' },
  'GET /openapi.json': { summary: 'This document' },
  'GET /v1/models': { summary: 'The models that are served' },
  'GET /v1/models/*': { summary: 'One model' },
  'POST /v1/chat/completions': {
    summary: 'Answers the last message of a conversation',
    body: schemaOf(CHAT_REQUEST),
    answer: answerOf('chat.completion', {
      message: { type: 'object', properties: { role: { const: 'assistant' }, content: { type: 'string' }, refusal: { type: 'null' } } },
    }),
  },
  'POST /v1/completions': {
    summary: 'Continues texts',
    body: schemaOf(COMPLETION_REQUEST),
    answer: answerOf('text_completion', { text: { type: 'string' } }),
  },
  'POST /v1/embeddings': {
    summary: 'Turns texts into vectors',
    body: schemaOf(EMBEDDING_REQUEST),
    answer: {
      type: 'object',
      properties: {
        object: { const: 'list' },
        model: { type: 'string' },
        data: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              object: { const: 'embedding' },
              index: { type: 'integer' },
              embedding: { type: ['array', 'string'], items: { type: 'number' } },
            },
          },
        },
        usage: USAGE,
      },
    },
  },
  'GET /v1/networks/{model}': { summary: 'A Bayesian network as a tool: the JSON schema of its questions' },
  'POST /v1/networks/{model}/query': {
    summary: 'Posterior probabilities in a Bayesian network',
    body: {
      type: 'object',
      properties: {
        ask: { type: ['array', 'string'], items: { type: 'string' }, description: 'variables; all when left out' },
        given: { type: 'object', description: 'states, or likelihoods of all states, by variable' },
        do: { type: 'object', description: 'states set from outside, by variable' },
        method: { enum: ['auto', 've', 'jtree', 'lw', 'gibbs', 'lbp', 'meanfield'] },
        samples: { type: 'integer' },
        seed: { type: 'integer' },
        timeoutMs: { type: 'number' },
      },
    },
    answer: {
      type: 'object',
      properties: {
        posteriors: { type: 'object' },
        method: { type: 'string' },
        isExact: { type: 'boolean' },
        logEvidence: { type: ['number', 'null'] },
        errors: { type: 'object' },
      },
    },
  },
  'GET /v2': { summary: 'The server and its extensions' },
  'GET /v2/health/live': { summary: 'The server lives' },
  'GET /v2/health/ready': { summary: 'All models are loaded; 503 until then' },
  'GET /v2/models': { summary: 'The names of the models' },
  'GET /v2/models/{model}': { summary: 'Inputs and outputs of a tensor model' },
  'GET /v2/models/{model}/ready': { summary: 'The model is loaded; 503 until then' },
  'POST /v2/models/{model}/infer': {
    summary: 'Runs a tensor model',
    body: {
      type: 'object',
      required: ['inputs'],
      properties: {
        id: { type: 'string' },
        inputs: TENSORS,
        outputs: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' }, parameters: { type: 'object' } } } },
        parameters: { type: 'object', properties: { binary_data_output: { type: 'boolean' }, timeout: { type: 'integer' } } },
      },
    },
    answer: {
      type: 'object',
      properties: { model_name: { type: 'string' }, model_version: { type: 'string' }, id: { type: 'string' }, outputs: TENSORS },
    },
  },
}

function schemaOf(schema: z.ZodType): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

/** Adds the route that describes routes, itself among them. */
export function withOpenApi(routes: readonly Route[], hasKeys: boolean): Route[] {
  const all: Route[] = [...routes, { method: 'GET', path: '/openapi.json', isPublic: true, answer: async () => document }]
  const document = openApiDocument(all, hasKeys)
  return all
}

/** The OpenAPI document of routes. Routes without a description of their own, such as the page, are left out. */
function openApiDocument(routes: readonly Route[], hasKeys: boolean): unknown {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { method, path, isPublic } of routes) {
    const name = path.replaceAll(/:(\w+)/g, '{$1}')
    const operation = OPERATIONS[`${method} ${name.replace('/versions/{version}', '')}`]
    if (!operation) continue
    const shown = name.replace('*', '{name}')
    paths[shown] = { ...paths[shown], [method.toLowerCase()]: describe(operation, shown, hasKeys && !isPublic) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hence',
      version: packageVersion(),
      description: "OpenAI's API for language models, the Open Inference Protocol for tensor models.",
    },
    paths,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  }
}

function describe({ summary, body, answer }: Operation, path: string, needsKey: boolean): unknown {
  const parameters = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  return {
    summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    ...(needsKey ? { security: [{ key: [] }] } : {}),
    responses: {
      200: { description: 'done', ...(answer ? { content: { 'application/json': { schema: answer } } } : {}) },
      ...(body ? { 400: { description: 'the request is wrong' }, 429: { description: 'too much is under way' } } : {}),
    },
  }
}

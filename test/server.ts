import { Writable } from 'node:stream'
import type { LanguageModel } from '../src/core/index.ts'
import { type RunningServer, type ServeOptions, serve } from '../src/server/index.ts'
import { load } from '../src/tasks/index.ts'
import { testdata } from './testdata.ts'
import { tinyModelFolder } from './tiny-model.ts'

/** A server on a free port, with what it serves. */
export interface TestServer {
  readonly server: RunningServer
  readonly url: string
  readonly model: LanguageModel
  close(): Promise<void>
}

/** Serves a tiny random model as `tiny`, whose tokens are bytes and whose chat template writes `role: content`. */
export async function serveTiny(options: Partial<ServeOptions> = {}): Promise<TestServer> {
  const folder = await tinyModelFolder({ config: { max_position_embeddings: 512 } })
  const model = await load(folder.path, { kind: 'language', backend: 'reference' })
  const server = await serve({ port: 0, ...options, models: { tiny: model, ...options.models } })
  return {
    server,
    url: server.url,
    model,
    async close() {
      await server.close()
      await model[Symbol.asyncDispose]()
      folder.remove()
    },
  }
}

/** Path of the trained model of the testdata. */
export const STORIES: string = testdata('llm', 'stories260K', 'stories260K.bin')

/** Collects the log of a server. */
export class LineSink extends Writable {
  text = ''

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }

  get lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  }
}

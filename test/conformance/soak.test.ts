import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve } from '../../src/server/index.ts'
import { load } from '../../src/tasks/index.ts'
import { availableBackends } from '../backends.ts'
import { askModel, askServer, type SoakReport, soak } from '../soak.ts'
import { tinyModelFolder } from '../tiny-model.ts'

/** The short form of `bench/soak.mjs`. */
const SECONDS = 4
const STREAMS = 64
/** The load is what it is meant to be: there is too little room, and some prompts begin alike. */
const isEnough = ({ preemptions, sharedTokens }: SoakReport): boolean => preemptions > 0 && sharedTokens > 0
const hasNative = availableBackends().some(({ isNative }) => isNative)
let folder = { path: '', remove: (): void => {} }

beforeAll(async () => {
  folder = await tinyModelFolder()
})
afterAll(() => folder.remove())

function expectSound({ failures, verified, requests, fullest }: SoakReport): void {
  expect(failures).toEqual([])
  expect(verified).toBeGreaterThanOrEqual(requests.never)
  for (const count of Object.values(requests)) expect(count).toBeGreaterThan(0)
  expect(fullest).toBeGreaterThan(0.9)
}

describe.each(['reference', ...(hasNative ? ['native' as const] : [])] as const)('64 streams on the %s backend', backend => {
  test('no text is lost or crossed, and all memory comes back', async () => {
    await using model = await load(folder.path, { kind: 'language', backend, precision: 'exact' })
    expectSound(await soak({ model, ask: askModel(model), streams: STREAMS, seconds: SECONDS, isEnough, seed: 1 }))
  })

  test('nor over HTTP', async () => {
    await using model = await load(folder.path, { kind: 'language', backend, precision: 'exact' })
    await using server = await serve({ models: { tiny: model }, port: 0, page: false })
    expectSound(await soak({ model, ask: askServer(server.url, 'tiny'), streams: STREAMS, seconds: SECONDS, isEnough, seed: 2 }))
  })
})

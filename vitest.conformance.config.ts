import { defineConfig } from 'vitest/config'
import { reporting } from './test/reporting.ts'

/** `npm run conformance`: the engine against outside references, on every backend. The contract is part of `npm test`. */
export default defineConfig({
  test: {
    include: ['test/conformance/**/*.test.ts'],
    globalSetup: './test/testdata-root.ts',
    testTimeout: 600_000,
    // One worker fewer, the default, leaves half of a small machine idle.
    maxWorkers: '100%',
    ...reporting,
  },
})

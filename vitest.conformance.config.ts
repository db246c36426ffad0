import { defineConfig } from 'vitest/config'
import { reporting } from './test/reporting.ts'

/** `npm run conformance`: every backend against the contract, and the engine against outside references. */
export default defineConfig({
  test: {
    include: ['test/conformance/**/*.test.ts', 'test/contract/**/*.test.ts'],
    globalSetup: './test/testdata-root.ts',
    testTimeout: 600_000,
    ...reporting,
  },
})

import { configDefaults, defineConfig } from 'vitest/config'
import { reporting } from './test/reporting.ts'

/** `npm test`: everything except the long conformance suites. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/conformance/**'],
    globalSetup: './test/testdata-root.ts',
    testTimeout: 60_000,
    // One worker fewer, the default, leaves half of a small machine idle.
    maxWorkers: '100%',
    ...reporting,
  },
})

import { type Backend, findAddon, nativeBackend, referenceBackend, targets } from '../src/backends/index.ts'

/** A backend a suite runs on: the reference one and every instruction set of the native one that this machine has. */
export interface TestBackend {
  readonly name: string
  readonly isNative: boolean
  open(): Backend
}

/** All backends, or only those whose name contains one of the comma-separated parts of `HENCE_TEST_BACKENDS`. */
export function availableBackends(): readonly TestBackend[] {
  const native = findAddon().addon ? targets() : []
  const all: TestBackend[] = [
    { name: 'reference', isNative: false, open: referenceBackend },
    ...native.map(target => ({ name: `native ${target}`, isNative: true, open: () => nativeBackend({ threads: 2, target }) })),
  ]
  const wanted = process.env['HENCE_TEST_BACKENDS']?.split(',')
  return wanted ? all.filter(({ name }) => wanted.some(part => name.includes(part))) : all
}

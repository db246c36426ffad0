import { expect, test } from 'vitest'
import { readText } from './repository.ts'

interface LockedPackage {
  readonly optionalDependencies?: Record<string, string>
}

test('package-lock.json has the packages of every platform, so that npm ci works on each', () => {
  const packages = (JSON.parse(readText('package-lock.json')) as { packages: Record<string, LockedPackage> }).packages
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      name => !(`${path}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages),
    ),
  )
  expect(missing, 'make the lock file anew: npm install --package-lock-only, without node_modules').toEqual([])
})

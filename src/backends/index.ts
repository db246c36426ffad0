export * from './backend.ts'
export * from './native/index.ts'
export { BACKEND_NAMES, type BackendOptions, openBackend } from './open-backend.ts'
export { referenceBackend } from './reference/index.ts'

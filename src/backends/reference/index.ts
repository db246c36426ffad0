export { referenceBackend } from './reference-backend.ts'

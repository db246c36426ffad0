/** Models behind HTTP; the subpath `hence/server`. */

export type { ServableModel } from './model-registry.ts'
export { type RunningServer, serve } from './serve.ts'
export type { BatchingOptions, ServeOptions } from './serve-options.ts'

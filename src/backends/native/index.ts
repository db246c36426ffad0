export { type CacheEntry, cacheFolder, clearCache, listCache } from './cache-folder.ts'
export { type AddonSearch, findAddon, type LoadAttempt } from './load-addon.ts'
export { forceTarget, type NativeBackend, type NativeOptions, nativeBackend, targets } from './native-backend.ts'

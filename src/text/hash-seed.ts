/** Start of every hash, drawn once a process, so that no text can be written to make hash tables slow. Results do not depend on it. */
export const HASH_SEED: number = Math.floor(Math.random() * 0x100000000) | 0

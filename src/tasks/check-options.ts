export {
  abortSignal,
  boolean,
  callback,
  checkOptions,
  integer,
  number,
  type OptionRule,
  oneOf,
  plainObject,
  text,
} from '../core/index.ts'

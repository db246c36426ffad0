export { imageDecoderOperators } from './image-decoder.ts'

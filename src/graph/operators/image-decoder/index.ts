export { decodePicture } from './decode-picture.ts'
export { imageDecoderOperators } from './image-decoder.ts'

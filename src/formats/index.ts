export {
  type NetworkFile,
  type NetworkFormat,
  openNetwork,
  readUaiEvidence,
  writeBif,
  writeNetworkJson,
} from './bayes/index.ts'
export { isJsonObject } from './bounded-json.ts'
export { ByteFile } from './byte-file.ts'
export type { ByteSource } from './byte-sink.ts'
export { type CausalGraphFile, readCausalGraph } from './causal/index.ts'
export * from './checkpoint.ts'
export { type HashProgress, rememberedContentHash } from './content-hash.ts'
export { type DetectedFormat, detectFormat, type FormatKind } from './detect-format.ts'
export { readFloat32 } from './file-tensor.ts'
export type { GgufInput, GgufNumberType } from './gguf/encode-value.ts'
export { type GgufFile, openGguf } from './gguf/open-gguf.ts'
export type { GgufNumbers, GgufValue } from './gguf/values.ts'
export { encodeGguf, type GgufContent, type GgufTensorInput, writeGguf } from './gguf/write-gguf.ts'
export { normalizeHuggingFaceConfig } from './huggingface/config.ts'
export { type HuggingFaceFolder, openHuggingFaceFolder } from './huggingface/open-folder.ts'
export { MAX_JSON_BYTES, readJson, readJsonObject, readSmallFile } from './json-file.ts'
export type { Llama2cConfig } from './llama2c/header.ts'
export { type Llama2cFile, openLlama2c } from './llama2c/open-llama2c.ts'
export { encodeNpy } from './npy/encode-npy.ts'
export { readNpy, writeNpy } from './npy/npy-file.ts'
export { readNpz } from './npy/npz-file.ts'
export { writeNpz } from './npy/write-npz.ts'
export { decodeOnnx } from './onnx/decode-onnx.ts'
export { decodeValue } from './onnx/decode-value.ts'
export { onnxElementCode, onnxElementType } from './onnx/element-types.ts'
export { encodeOnnx, writeOnnx } from './onnx/encode-onnx.ts'
export type {
  OnnxAttribute,
  OnnxDim,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxSparseTensor,
  OnnxTensor,
  OnnxType,
  OnnxValue,
  OnnxValueInfo,
} from './onnx/model.ts'
export { openOnnx } from './onnx/open-onnx.ts'
export { dequantize, quantize } from './quantization/dequantize.ts'
export { type ReadTensorsOptions, readTensors } from './read-tensors.ts'
export { requireSupported } from './require-supported.ts'
export { openSafetensors, type SafetensorsFile } from './safetensors/open-safetensors.ts'
export {
  encodeSafetensors,
  type SafetensorsContent,
  type SafetensorsTensorInput,
  writeSafetensors,
} from './safetensors/write-safetensors.ts'
export {
  isWeightType,
  STORAGE_TYPES,
  type StorageLayout,
  type StorageType,
  storageBytes,
  WEIGHT_TYPES,
  type WeightType,
} from './storage-types.ts'
export { TensorSet } from './tensor-set.ts'

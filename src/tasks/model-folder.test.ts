import { mkdirSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/tensor-models.ts'
import type { TensorModelDescription } from '../core/index.ts'
import { readBeside } from './model-folder.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const modelAt = (path: string) => ({ describe: () => ({ source: path, files: [{ path, bytes: 0 }] }) as unknown as TensorModelDescription })

test('configuration lies beside a model, or above the folder onnx', async () => {
  mkdirSync(`${folder.path}/a/onnx`, { recursive: true })
  folder.write('a/preprocessor_config.json', '{"place":"a"}')
  folder.write('a/onnx/config.json', '{"place":"onnx"}')
  folder.write('a/config.json', '{"place":"a"}')
  expect(await readBeside(modelAt(`${folder.path}/a/model.onnx`), 'config.json')).toEqual({ place: 'a' })
  expect(await readBeside(modelAt(`${folder.path}/a/onnx/model.onnx`), 'config.json')).toEqual({ place: 'onnx' })
  expect(await readBeside(modelAt(`${folder.path}/a/onnx/model.onnx`), 'preprocessor_config.json')).toEqual({ place: 'a' })
  expect(await readBeside(modelAt(`${folder.path}/a/b/model.onnx`), 'config.json')).toBeUndefined()
})

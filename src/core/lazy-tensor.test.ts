import { expect, test } from 'vitest'
import { makeLazy, releaseData } from './lazy-tensor.ts'
import { tensor } from './tensor.ts'

test('numbers are made when asked for, kept, and made again once released', () => {
  let made = 0
  const make = (): Float32Array<ArrayBuffer> => Float32Array.of(++made, 2)
  const lazy = makeLazy<'f32'>({ dtype: 'f32', shape: [2] }, undefined, make)
  expect(made).toBe(0)
  expect([lazy.data[0], lazy.data[0]]).toEqual([1, 1])
  const copy = { ...lazy }
  releaseData(lazy)
  expect([lazy.data[0], copy.data[0]]).toEqual([2, 1])
})

test('what a tensor is made of is released with it; ordinary tensors stay as they are', () => {
  let read = 0
  const plain = tensor('f32', [1], Float32Array.of(7))
  const source = makeLazy<'f32'>({ dtype: 'f32', shape: [1] }, undefined, () => Float32Array.of(++read))
  const derived = makeLazy<'f32'>({ dtype: 'f32', shape: [1] }, undefined, () => Float32Array.of(source.data[0]! * 10), [source, plain])
  expect(derived.data[0]).toBe(10)
  releaseData(derived)
  expect([derived.data[0], source.data[0], plain.data[0]]).toEqual([20, 2, 7])
})

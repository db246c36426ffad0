import { expect, test } from 'vitest'
import { normalizeHuggingFaceConfig as normalize } from './config.ts'

test.each([
  [
    'plain rotation, older spelling',
    { torch_dtype: 'float32', rope_theta: 1e4, rope_scaling: null },
    { dtype: 'float32', rope_theta: 1e4, rope_scaling: null },
  ],
  [
    'plain rotation, newer spelling',
    { dtype: 'float16', rope_parameters: { rope_theta: 5e5, rope_type: 'default' } },
    { dtype: 'float16', rope_theta: 5e5, rope_scaling: null },
  ],
  [
    'scaling, newer spelling',
    { rope_parameters: { rope_theta: 1e4, rope_type: 'llama3', factor: 8, partial_rotary_factor: 0.5 } },
    { rope_theta: 1e4, partial_rotary_factor: 0.5, rope_scaling: { rope_type: 'llama3', factor: 8 } },
  ],
  [
    'scaling spelled type',
    { rope_scaling: { type: 'longrope', long_factor: [1] } },
    { rope_scaling: { rope_type: 'longrope', long_factor: [1] } },
  ],
  [
    'nested by layer type: left as it is',
    { rope_parameters: { full_attention: { rope_theta: 1e6 }, sliding_attention: { rope_theta: 1e4 } } },
    { rope_parameters: { full_attention: { rope_theta: 1e6 }, sliding_attention: { rope_theta: 1e4 } } },
  ],
  [
    'both spellings: the newer wins',
    { dtype: 'bfloat16', torch_dtype: 'float32', rope_theta: 1, rope_scaling: null, rope_parameters: { rope_theta: 2, rope_type: 'yarn' } },
    { dtype: 'bfloat16', rope_theta: 2, rope_scaling: { rope_type: 'yarn' } },
  ],
  ['the language part of a larger model', { text_config: { torch_dtype: 'float16' } }, { text_config: { dtype: 'float16' } }],
  ['nothing to fold', { hidden_size: 64 }, { hidden_size: 64 }],
  ['rope_parameters null', { rope_parameters: null, rope_theta: 3 }, { rope_theta: 3 }],
])('%s', (_, config, expected) => {
  const before = structuredClone(config)
  expect(normalize(config)).toEqual(expected)
  expect(config).toEqual(before)
  expect(normalize(normalize(config))).toEqual(expected)
})

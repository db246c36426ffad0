import { type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'

/** Names whose number is a float; every other number is an integer. Source: the operator schemas of ONNX. */
const FLOAT_NAMES = [
  'alpha',
  'beta',
  'bias',
  'clip',
  'cubic_coeff_a',
  'decay_factor',
  'default_float',
  'epsilon',
  'extrapolation_value',
  'gamma',
  'high',
  'lambd',
  'low',
  'mask_filter_value',
  'max',
  'mean',
  'min',
  'momentum',
  'norm_coefficient',
  'norm_coefficient_post',
  'ratio',
  'replaced_value_float',
  'scale',
  'seed',
  'softcap',
  'spatial_scale',
  'threshold',
  'value_float',
] as const

/** Names whose list is of floats; every other list of numbers is of integers. */
const FLOAT_LIST_NAMES = [
  'activation_alpha',
  'activation_beta',
  'base_values',
  'class_weights',
  'coefficients',
  'imputed_value_floats',
  'intercepts',
  'kernel_params',
  'keys_floats',
  'nodes_hitrates',
  'nodes_values',
  'offset',
  'prob_a',
  'prob_b',
  'rho',
  'scale',
  'scales',
  'support_vectors',
  'target_weights',
  'value_floats',
  'values_floats',
  'weights',
] as const

/** Integers; those that are switches may also be given as truth values. */
type IntName =
  | ('accuracy_level' | 'align_corners' | 'allowzero' | 'antialias' | 'axis' | 'batch_axis' | 'batch_dims' | 'bits' | 'block_size')
  | ('blocksize' | 'ceil_mode' | 'center_point_box' | 'channels_last' | 'chunk_size' | 'count_include_pad' | 'default_int64')
  | ('detect_negative' | 'detect_positive' | 'do_rotary' | 'dtype' | 'exclude_outside' | 'exclusive' | 'fmod' | 'group')
  | ('hidden_size' | 'ignore_index' | 'input_forget' | 'interleaved' | 'inverse' | 'is_case_sensitive' | 'is_causal' | 'K' | 'k')
  | ('keepdims' | 'kv_num_heads' | 'largest' | 'layout' | 'linear_before_reset' | 'local_window_size' | 'max_gram_length')
  | ('max_skip_count' | 'maxsplit' | 'min_gram_length' | 'multi_class' | 'N' | 'n_targets' | 'new_axis' | 'noop_with_empty_axes')
  | ('num_groups' | 'num_heads' | 'num_outputs' | 'num_scan_inputs' | 'offset_group' | 'one_class' | 'onesided' | 'output_datatype')
  | ('output_dtype' | 'p' | 'periodic' | 'precision' | 'q_num_heads' | 'qk_matmul_output_mode' | 'replaced_value_int64' | 'reverse')
  | ('rotary_embedding_dim' | 'sample_size' | 'sampling_ratio' | 'saturate' | 'select_last_index' | 'size' | 'softmax_precision')
  | ('sorted' | 'stash_type' | 'storage_order' | 'time_axis' | 'to' | 'training_mode' | 'transA' | 'transB' | 'unidirectional')
  | ('upper' | 'value_int' | 'zeros' | 'start' | 'end' | 'output_height' | 'output_width' | 'post_transform' | 'aggregate_function')

type StringName =
  | ('activation' | 'aggregate_function' | 'approximate' | 'auto_pad' | 'case_change_action' | 'cast_to' | 'default_string')
  | ('coordinate_transformation_mode' | 'delimiter' | 'direction' | 'equation' | 'keep_aspect_ratio_policy' | 'kernel_type')
  | ('locale' | 'map_form' | 'mode' | 'nearest_mode' | 'norm' | 'padding_mode' | 'pattern' | 'pixel_format' | 'post_transform')
  | ('reduction' | 'round_mode' | 'update_rule' | 'value_string')

type IntListName =
  | ('axes' | 'cats_int64s' | 'class_ids' | 'class_nodeids' | 'class_treeids' | 'classlabels_int64s' | 'classlabels_ints')
  | ('dilations' | 'ends' | 'imputed_value_int64s' | 'inputdimensions' | 'int64_vocabulary' | 'kernel_shape' | 'keys_int64s')
  | ('leaf_targetids' | 'ngram_counts' | 'ngram_indexes' | 'nodes_falseleafs' | 'nodes_falsenodeids' | 'nodes_featureids')
  | ('nodes_missing_value_tracks_true' | 'nodes_nodeids' | 'nodes_treeids' | 'nodes_trueleafs' | 'nodes_truenodeids')
  | ('output_padding' | 'output_shape' | 'pads' | 'perm' | 'pool_int64s' | 'pooled_shape' | 'qkv_hidden_sizes' | 'scan_input_axes')
  | ('scan_input_directions' | 'scan_output_axes' | 'scan_output_directions' | 'shape' | 'split' | 'starts' | 'strides')
  | ('target_ids' | 'target_nodeids' | 'target_treeids' | 'tree_roots' | 'value_ints' | 'values_int64s' | 'vectors_per_class')

type StringListName =
  | ('activations' | 'cats_strings' | 'classes_strings' | 'classlabels_strings' | 'keys_strings' | 'nodes_modes' | 'pool_strings')
  | ('stopwords' | 'string_vocabulary' | 'value_strings' | 'values_strings')

type TensorName =
  | ('base_values_as_tensor' | 'class_weights_as_tensor' | 'default_tensor' | 'keys_tensor' | 'leaf_weights' | 'membership_values')
  | ('nodes_hitrates' | 'nodes_hitrates_as_tensor' | 'nodes_modes' | 'nodes_splits' | 'nodes_values_as_tensor')
  | ('target_weights_as_tensor' | 'value' | 'values_tensor')

type GraphName = 'body' | 'else_branch' | 'then_branch' | 'score_mod' | 'prob_mod'

type FloatName = (typeof FLOAT_NAMES)[number]
type FloatListName = (typeof FLOAT_LIST_NAMES)[number]
type AnyName = FloatName | FloatListName | IntName | StringName | IntListName | StringListName | TensorName | GraphName

/** What an attribute of each name may be given as. An {@link OnnxAttribute} says its type itself. */
export type NodeAttributes = {
  readonly [Name in AnyName]?:
    | (Name extends FloatName ? number : never)
    | (Name extends FloatListName | IntListName ? readonly number[] : never)
    | (Name extends IntName ? number | boolean : never)
    | (Name extends StringName ? string : never)
    | (Name extends StringListName ? readonly string[] : never)
    | (Name extends TensorName ? Tensor<ElementType> : never)
    | OnnxAttribute
    | undefined
}

type AttributeInput = NonNullable<NodeAttributes[AnyName]>

const FLOATS: ReadonlySet<string> = new Set(FLOAT_NAMES)
const FLOAT_LISTS: ReadonlySet<string> = new Set(FLOAT_LIST_NAMES)

/** Attributes as a graph has them; those that are undefined are left out. @throws HenceError `OPTION_INVALID` */
export function toOnnxAttributes(node: string, attributes: NodeAttributes): Record<string, OnnxAttribute> {
  const result: Record<string, OnnxAttribute> = {}
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) result[name] = toOnnxAttribute(node, name, value)
  return result
}

function toOnnxAttribute(node: string, name: string, value: AttributeInput): OnnxAttribute {
  if (typeof value === 'string') return { type: 'string', value }
  if (typeof value === 'boolean') return { type: 'int', value: Number(value) }
  if (typeof value === 'number') return FLOATS.has(name) ? { type: 'float', value } : { type: 'int', value: integer(node, name, value) }
  if ('dtype' in value) return { type: 'tensor', value }
  if ('type' in value) return value
  if (typeof value[0] === 'string') return { type: 'strings', value: value as readonly string[] }
  const numbers = value as readonly number[]
  if (FLOAT_LISTS.has(name)) return { type: 'floats', value: numbers }
  return { type: 'ints', value: numbers.map(number => integer(node, name, number)) }
}

function integer(node: string, name: string, value: number): number {
  if (Number.isInteger(value)) return value
  throw new HenceError('OPTION_INVALID', `${node}: attribute ${name} must be an integer, is ${value}`, {
    node,
    attribute: name,
    got: value,
  })
}

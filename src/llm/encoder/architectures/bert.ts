import type { TensorSizes } from '../../architectures/architecture.ts'
import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import { ENCODER_LIMITS, type HeadConfig, type TowerConfig } from '../encoder-config.ts'
import type { EncoderNames, EncoderPlace, EncoderRole } from '../encoder-roles.ts'
import type { EncoderArchitecture, HeadKind } from './encoder-architecture.ts'
import { ENCODER_ACTIVATIONS, headWidth, labelCount, sharedSizes } from './shared-fields.ts'

/** In what the families of Bert's block differ. */
interface BertTraits {
  readonly prefix: string
  /** Positions begin after the row of the padding token. */
  readonly isOffset: boolean
  readonly heads: Readonly<Record<HeadKind, Readonly<Partial<Record<EncoderRole, EncoderPlace>>>>>
  /** What a sequence is classified by: the pooler of the trunk, or a dense layer of the head. */
  readonly sequenceDense: 'pooler' | 'head'
}

const BERT_HEADS: BertTraits['heads'] = {
  'masked-lm': {
    headDense: { base: 'cls.predictions.transform.dense' },
    headNorm: { base: 'cls.predictions.transform.LayerNorm' },
    headOutput: { base: 'cls.predictions', suffixes: { weight: '.decoder.weight', bias: '.bias' } },
  },
  sequence: { headDense: { base: '{prefix}pooler.dense' }, headOutput: { base: 'classifier' } },
  token: { headOutput: { base: 'classifier' } },
  none: { headDense: { base: '{prefix}pooler.dense' } },
}

const ROBERTA_HEADS: BertTraits['heads'] = {
  ...BERT_HEADS,
  'masked-lm': {
    headDense: { base: 'lm_head.dense' },
    headNorm: { base: 'lm_head.layer_norm' },
    headOutput: { base: 'lm_head', suffixes: { weight: '.decoder.weight', bias: '.bias' } },
  },
  sequence: { headDense: { base: 'classifier.dense' }, headOutput: { base: 'classifier.out_proj' } },
}

/** Bert: norms after each block, learned positions, types of tokens. */
export const bert: EncoderArchitecture = {
  modelTypes: ['bert'],
  read: (fields, tensors, head) => ({
    text: read(fields, tensors, head, { prefix: 'bert.', isOffset: false, heads: BERT_HEADS, sequenceDense: 'pooler' }),
  }),
}

/** RoBERTa and the multilingual models of its form: Bert with other heads whose positions begin after the padding's. */
export const roberta: EncoderArchitecture = {
  modelTypes: ['roberta', 'xlm-roberta', 'camembert'],
  read: (fields, tensors, head) => ({
    text: read(fields, tensors, head, { prefix: 'roberta.', isOffset: true, heads: ROBERTA_HEADS, sequenceDense: 'head' }),
  }),
}

function read(
  fields: ConfigFields,
  tensors: TensorSizes,
  head: HeadKind,
  traits: BertTraits,
): { config: TowerConfig; names: EncoderNames } {
  const { hidden, heads, layers, width } = sharedSizes(fields)
  const headDim = headWidth(fields, hidden, heads)
  const activation = fields.choice('hidden_act', ENCODER_ACTIVATIONS, 'gelu')
  const norm = { kind: 'layer', epsilon: fields.number('layer_norm_eps', LIMITS.epsilon, 1e-12), hasBias: true } as const
  const positionType = fields.text('position_embedding_type', 'absolute')
  if (positionType !== 'absolute') throw fields.invalid(`position_embedding_type ${positionType} is not supported`, { positionType })
  if (fields.boolean('is_decoder', false)) throw fields.invalid('is_decoder is true; Hence runs this family as an encoder')
  const vocabulary = fields.integer('vocab_size', LIMITS.vocabulary)
  const places = fields.integer('max_position_embeddings', LIMITS.context)
  const positionOffset = traits.isOffset ? fields.integer('pad_token_id', { min: 0, max: places - 2 }, 1) + 1 : 0
  const names = namesOf(tensors, traits, head)
  const hasPooler = tensors.has(`${traits.prefix}pooler.dense.weight`) || tensors.has('pooler.dense.weight')
  return {
    names,
    config: {
      hidden,
      embeddings: {
        kind: 'tokens',
        vocabulary,
        context: places - positionOffset,
        positionOffset,
        types: fields.integer('type_vocab_size', ENCODER_LIMITS.types, 2),
        hasNorm: true,
      },
      normPlace: 'after',
      norm,
      isCausal: false,
      ropes: [],
      layers: Array.from({ length: layers }, () => ({
        heads,
        headDim,
        window: null,
        rope: null,
        hasAttentionNorm: true,
        hasQkvBias: true,
        hasOutputBias: true,
        mlp: { width, activation, isGated: false, hasBias: true },
      })),
      head: headOf(head, hasPooler, () => labelCount(fields)),
    },
  }

  function headOf(kind: HeadKind, pooler: boolean, labels: () => number): HeadConfig | undefined {
    const common = { hasPooledNorm: false, norm: undefined } as const
    const tanh = { activation: 'tanh', hasBias: true } as const
    switch (kind) {
      case 'masked-lm': {
        const isTied = !tensors.has(`${traits.heads[kind].headOutput!.base}.decoder.weight`)
        // The transform of RoBERTa has gelu whatever the blocks have.
        const dense = { activation: traits.isOffset ? 'gelu' : activation, hasBias: true } as const
        return { kind, pooling: 'tokens', hasPooledNorm: false, dense, norm, output: { size: vocabulary, hasBias: true, isTied } }
      }
      case 'sequence':
        return { kind, pooling: 'first', ...common, dense: tanh, output: { size: labels(), hasBias: true, isTied: false } }
      case 'token':
        return { kind, pooling: 'tokens', ...common, dense: undefined, output: { size: labels(), hasBias: true, isTied: false } }
      case 'none':
        return pooler ? { kind: 'pooler', pooling: 'first', ...common, dense: tanh, output: undefined } : undefined
    }
  }
}

function namesOf(tensors: TensorSizes, { prefix, heads }: BertTraits, head: HeadKind): EncoderNames {
  // Files converted from TensorFlow call the numbers of a norm gamma and beta.
  const isGamma = [prefix, ''].some(p => tensors.has(`${p}embeddings.LayerNorm.gamma`))
  const norm = (base: string): EncoderPlace => (isGamma ? { base, suffixes: { weight: '.gamma', bias: '.beta' } } : { base })
  const ofHead = heads[head]
  const layer = '{prefix}encoder.layer.{layer}'
  return {
    prefixes: [prefix, ''],
    places: {
      embedding: { base: '{prefix}embeddings.word_embeddings' },
      positions: { base: '{prefix}embeddings.position_embeddings' },
      types: { base: '{prefix}embeddings.token_type_embeddings' },
      embeddingNorm: norm('{prefix}embeddings.LayerNorm'),
      q: { base: `${layer}.attention.self.query` },
      k: { base: `${layer}.attention.self.key` },
      v: { base: `${layer}.attention.self.value` },
      attentionOutput: { base: `${layer}.attention.output.dense` },
      attentionNorm: norm(`${layer}.attention.output.LayerNorm`),
      up: { base: `${layer}.intermediate.dense` },
      down: { base: `${layer}.output.dense` },
      mlpNorm: norm(`${layer}.output.LayerNorm`),
      ...ofHead,
      ...(ofHead.headNorm ? { headNorm: norm(ofHead.headNorm.base) } : {}),
      // Where the output matrix is not the embeddings', it may have a bias of its own.
      ...(tensors.has(`${ofHead.headOutput?.base}.decoder.bias`) ? { headOutput: { base: `${ofHead.headOutput!.base}.decoder` } } : {}),
    },
  }
}

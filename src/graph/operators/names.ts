/**
 * Names of all operators by domain, apart from their definitions: who builds a network needs only the names. A test holds
 * the list to the definitions.
 */
export const OPERATOR_NAMES: Readonly<Record<string, readonly string[]>> = {
  '': (
    'Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization ' +
    'Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike CausalConvWithState ' +
    'Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ' +
    'ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace DequantizeLinear Det Div Dropout ' +
    'DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu ' +
    'Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow ' +
    'HannWindow HardSigmoid HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM ' +
    'LayerNormalization LeakyRelu Less LessOrEqual LinearAttention Log LogSoftmax Loop LpNormalization LpPool MatMul ' +
    'MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul ' +
    'Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement ' +
    'OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal ' +
    'RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ' +
    'ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence ' +
    'RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct ' +
    'SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign ' +
    'SimplifiedLayerNormalization Sin Sinh Size SkipLayerNormalization SkipSimplifiedLayerNormalization Slice Softmax ' +
    'SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat ' +
    'StringNormalizer StringSplit Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK ' +
    'Transpose Trilu Unique Unsqueeze Upsample Where Xor'
  ).split(' '),
  'ai.onnx.ml': (
    'ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder ' +
    'LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble ' +
    'TreeEnsembleClassifier TreeEnsembleRegressor ZipMap'
  ).split(' '),
  'ai.onnx.preview': 'FlexAttention'.split(' '),
  'ai.onnx.preview.training': 'Adagrad Adam Gradient Momentum'.split(' '),
  'com.microsoft': (
    'Attention BiasGelu DecoderMaskedMultiHeadAttention DynamicQuantizeLSTM DynamicQuantizeMatMul EmbedLayerNormalization ' +
    'FastGelu FusedConv FusedGemm FusedMatMul GatherBlockQuantized Gelu GroupQueryAttention LayerNormalization ' +
    'MatMulIntegerToFloat MatMulNBits MultiHeadAttention QAttention QGemm QLinearAdd QLinearAveragePool QLinearConcat ' +
    'QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearSigmoid QLinearSoftmax QuickGelu RotaryEmbedding ' +
    'SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization'
  ).split(' '),
  hence: 'Attention Conv ConvTranspose Linear QuantisedConv QuantisedLinear Rounded ShuffleChannels TreeDecision TreeScores'.split(' '),
}

import { joined, onFloats } from './expand-on-floats.ts'
import { dynamicProduct, requantisedConv, requantisedGemm, requantisedMatMul, scaledSums, wholeSums } from './expand-products.ts'
import { type Expand, Expansion } from './expansion.ts'
import type { Rule } from './rule.ts'

const POOLING = ['auto_pad', 'ceil_mode', 'count_include_pad', 'kernel_shape', 'pads', 'strides']

const EXPANSIONS: Readonly<Record<string, Expand>> = {
  ConvInteger: wholeSums('Conv'),
  MatMulInteger: wholeSums('Linear'),
  QLinearConv: requantisedConv,
  QLinearMatMul: requantisedMatMul,
  'com.microsoft.DynamicQuantizeMatMul': dynamicProduct,
  'com.microsoft.MatMulIntegerToFloat': scaledSums,
  'com.microsoft.QGemm': requantisedGemm,
  'com.microsoft.QLinearAdd': onFloats([0, 3], 6, 'Add'),
  'com.microsoft.QLinearAveragePool': onFloats([0], 3, 'AveragePool', ...POOLING),
  'com.microsoft.QLinearConcat': joined,
  'com.microsoft.QLinearGlobalAveragePool': onFloats([0], 3, 'GlobalAveragePool'),
  'com.microsoft.QLinearLeakyRelu': onFloats([0], 3, 'LeakyRelu', 'alpha'),
  'com.microsoft.QLinearMul': onFloats([0, 3], 6, 'Mul'),
  'com.microsoft.QLinearSigmoid': onFloats([0], 3, 'Sigmoid'),
  'com.microsoft.QLinearSoftmax': onFloats([0], 3, 'Softmax', 'axis'),
}

/**
 * Operators on 8-bit codes become the operators on floats they stand for, between DequantizeLinear and QuantizeLinear, and
 * products become `hence.QuantisedLinear` and `hence.QuantisedConv`.
 */
export const expandQuantised: Rule = {
  name: 'operators on codes',
  apply(graph) {
    const names = [...graph.constants.keys(), ...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]
    const taken = new Set(names)
    const take = (name: string): string => {
      let unique = name
      for (let i = 1; taken.has(unique); i++) unique = `${name}~${i}`
      taken.add(unique)
      return unique
    }
    const constants = new Map(graph.constants)
    const nodes = graph.nodes.flatMap(node => {
      const expand = EXPANSIONS[node.domain === '' ? node.op : `${node.domain}.${node.op}`]
      const expansion = expand && new Expansion(node, name => graph.constants.get(name), take)
      if (!expansion || !expand(expansion)) return [node]
      for (const [name, tensor] of expansion.constants) constants.set(name, tensor)
      return expansion.nodes
    })
    return nodes.every((node, i) => node === graph.nodes[i]) ? graph : { ...graph, nodes, constants }
  },
}

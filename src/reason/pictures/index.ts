export { type CausalPicture, causalGraphSvg } from './causal-graph-svg.ts'
export { junctionTreeSvg } from './junction-tree-svg.ts'
export { type NetworkPicture, networkSvg } from './network-svg.ts'
export { type PosteriorBars, posteriorsSvg } from './posterior-svg.ts'

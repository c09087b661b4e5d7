// A door of its own: whoever runs alone starts without the balancer and the wire, which are behind it.
export { openNode, type OpenNodeOptions, type ServiceNode } from "../open-node.ts";
export { openSpread, type OpenSpreadOptions, type Spread } from "../open-spread.ts";

export { natsBus, type NatsBusOptions } from "./invalidation-bus.ts";

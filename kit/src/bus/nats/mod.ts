export { type NatsBusOptions, openNatsBus } from "./open.ts";

export { openRedisBus, type RedisBusOptions } from "./open.ts";

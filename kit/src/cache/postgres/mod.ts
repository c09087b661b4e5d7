export { postgresBus, type PostgresBusOptions } from "./invalidation-bus.ts";

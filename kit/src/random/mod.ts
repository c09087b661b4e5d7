export type { Random } from "./random.ts";
export { seededRandom } from "./seeded-random.ts";
export { systemRandom } from "./random-system.ts";
export { idSource, type IdSourceOptions } from "./id-source.ts";

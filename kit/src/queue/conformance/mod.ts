export { exerciseQueue, queueRules, type TestFunction } from "./exercise-queue.ts";
export type { Bed, OpenedEngine, OpenEngine, Rule } from "./rule.ts";

export { exerciseStore, type ExerciseOptions } from "./exercise-store.ts";
export type { OpenStore, Skip, StoreFixture, TestFunction } from "./rule.ts";

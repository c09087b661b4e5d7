export { exerciseEngine, type ExerciseOptions } from "./exercise-engine.ts";
export type { Bed, EngineFixture, OpenEngine, Rule, Skip, TestFunction } from "./rule.ts";

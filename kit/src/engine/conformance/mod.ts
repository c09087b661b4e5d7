export { exerciseEngineCrashes, type CrashOptions } from "./exercise-crashes.real.ts";
export { exerciseEngine, type ExerciseOptions } from "./exercise-engine.ts";
export type { Bed, EngineFixture, Lack, Need, OpenCrashEngine, OpenEngine, Rule, Skip, TestFunction } from "./rule.ts";

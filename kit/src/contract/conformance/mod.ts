export {
  exerciseContract,
  type ExerciseContractOptions,
  type OpenedContract,
  type TestFunction,
} from "./exercise-contract.ts";
export type { CallExample, Examples } from "./examples.ts";

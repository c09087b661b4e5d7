export {
  exerciseBus,
  type BusPair,
  type BusTestFunction,
  type ExerciseBusOptions,
  type OpenBusPair,
} from "./exercise-bus.ts";

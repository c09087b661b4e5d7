export { type Given, type Outcome, specification, SpecificationError } from "./specification.ts";

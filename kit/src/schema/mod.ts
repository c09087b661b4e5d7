export type {
  InferInput,
  InferOutput,
  StandardIssue,
  StandardJsonSchema,
  StandardProps,
  StandardResult,
  StandardSchema,
} from "./standard-schema.ts";
export { parseSync, validateSync, type Validation } from "./validate.ts";
export { type Issue, ValidationError } from "./validation-error.ts";
export { jsonSchema, type JsonSchema, type JsonSchemaOptions } from "./json-schema.ts";

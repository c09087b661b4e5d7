/**
 * A schema of any library that implements Standard Schema (zod, valibot, arktype and others), written out structurally so that
 * nothing is imported. `Input` is what may arrive, `Output` what validation makes of it.
 * Source: standardschema.dev, Standard Schema and Standard JSON Schema, both version 1.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": StandardProps<Input, Output>;
}

/** What a library puts under `~standard`. `types` exists for inference only, never at run time. */
export interface StandardProps<Input = unknown, Output = Input> {
  readonly version: 1;
  readonly vendor: string;
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  /** Present in libraries that can describe their schemas as JSON Schema. */
  readonly jsonSchema?: StandardJsonSchema | undefined;
}

/** A value, or one issue at least. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** An issue as the standard has it; {@link Issue} is the form this door gives. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Conversion to JSON Schema; throws for what the library or the `target` (such as "draft-2020-12") cannot express. */
export interface StandardJsonSchema {
  readonly input: (options: { readonly target: string }) => Record<string, unknown>;
  readonly output: (options: { readonly target: string }) => Record<string, unknown>;
}

/** What may arrive at a schema. */
export type InferInput<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["input"];
/** What a schema makes of its input. */
export type InferOutput<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["output"];

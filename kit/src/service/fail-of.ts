import { type AnyFailures, DeclaredError, type Failure } from "../contract/mod.ts";
import { parseSync } from "../schema/mod.ts";

/** Makes the declared errors of an operation, each checked against its schema. */
export function failOf(id: string, { errors }: { readonly errors: AnyFailures }): object {
  const makers = Object.entries(errors as Readonly<Record<string, Failure>>).map(
    ([failure, { data: schema, title, retry }]) => {
      const make = (data: unknown): DeclaredError =>
        new DeclaredError(id, {
          failure,
          title,
          data: parseSync(schema, data, `the data of ${id} ${failure}`),
          retryable: retry === "can help",
        });
      return [failure, make];
    },
  );
  return Object.freeze(Object.fromEntries(makers));
}

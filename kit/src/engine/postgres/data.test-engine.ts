import { dropSchema, freshSchema, serverUrl } from "../../drivers/postgres/server.test-postgres.ts";
import type { Place } from "../fixture.test-engine.ts";
import { openPostgresEngine, type PostgresEngine, type PostgresEngineOptions } from "./mod.ts";

/** A schema of its own on the shared server. */
export function freshPlace(
  common: Partial<PostgresEngineOptions> = {},
): Place<PostgresEngine, PostgresEngineOptions> & { readonly schema: string } {
  const schema = freshSchema();
  return {
    schema,
    open: (options) => openPostgresEngine({ url: serverUrl, schema, ...common, ...options }),
    drop: () => dropSchema(schema),
  };
}

/** For suites: class "process" keeps them off the disk's flush; the rules are the same. */
export const quick = { durability: "process", connectionsMax: 2 } as const;

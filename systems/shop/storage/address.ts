import { UsageError } from "../usage-error.ts";

/** Where a shop keeps what it owns: files in a folder, or schemas of a PostgreSQL database that any number of machines share. */
export type StorageAddress = { readonly kind: "files" } | DatabaseAddress;

/** A PostgreSQL database. */
export interface DatabaseAddress {
  readonly kind: "postgres";
  readonly url: string;
  /** Without the password. */
  readonly shown: string;
}

/** What `--engine` says when it says nothing. */
export const filesAddress = "sqlite";

/** Reads `--engine`. Throws UsageError, which does not show what may hold a password. */
export function storageAddress(text: string = filesAddress): StorageAddress {
  if (text === filesAddress) return { kind: "files" };
  return databaseAddress(text, { option: "engine", takes: "sqlite or postgres://user@host:5432/database" });
}

/** Reads `--reads`: a replica of the database at `engine`. Throws UsageError, which does not show what may hold a password. */
export function readsAddress(text: string | undefined, engine: StorageAddress): DatabaseAddress | undefined {
  if (text === undefined) return undefined;
  if (engine.kind === "files")
    throw new UsageError("--reads names a replica of a database, and files have none: --engine postgres://…");
  const address = databaseAddress(text, { option: "reads", takes: "postgres://user@replica:5432/database" });
  if (hosts.exec(text)?.[1]?.includes(",") === true)
    throw new UsageError("--reads names several servers; it takes one replica, or an address that stands for several");
  return address;
}

const hosts = /:\/\/(?:[^/?#@]*@)?([^/?#]*)/;

function databaseAddress(
  text: string,
  { option, takes }: { readonly option: string; readonly takes: string },
): DatabaseAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "postgres" || scheme === "postgresql") {
    const rest = text.slice(text.indexOf("://") + 3);
    if (!/^([^/?#@]*@)?[^/?#@\s]+(\/[^\s#]*)?(\?[^\s#]*)?$/.test(rest))
      throw new UsageError(`--${option} is not a whole address; it takes ${takes}`);
    return {
      kind: "postgres",
      url: text,
      shown: text.replace(/:\/\/([^/?#@:]*):[^/?#@]*@/, "://$1@").replace(/\?.*$/, ""),
    };
  }
  const given = scheme === undefined ? JSON.stringify(text.replace(/\W.*$/s, "…")) : `an address of ${scheme}://`;
  throw new UsageError(`--${option} is ${given}; it takes ${takes}`);
}

/** Reads `--namespace`: what the schemas of one shop in a database begin with. Throws UsageError. */
export function namespaceOf(text: string): string {
  // With the name of the longest service behind it, it is still a name of a schema.
  if (/^[a-z][a-z0-9_]{0,39}$/.test(text)) return text;
  throw new UsageError(`--namespace is ${JSON.stringify(text)}; it takes up to 40 lower-case letters, digits and _`);
}

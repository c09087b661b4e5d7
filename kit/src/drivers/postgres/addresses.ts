import { ConfigError } from "../../errors/mod.ts";

/** What a server must be to be taken: `primary` takes writes, `replica` does not, `any` may be either. */
export type ServerRole = "primary" | "replica" | "any";

/** The servers that one URL names, in its order, each as a URL of its own; and what is wanted of the one that is taken. */
export interface Addresses {
  readonly urls: readonly string[];
  readonly role: ServerRole;
}

// The words of libpq. "prefer-standby" is a choice between servers, which callers make by opening two databases.
const roles: Readonly<Record<string, ServerRole>> = {
  any: "any",
  "read-write": "primary",
  primary: "primary",
  "read-only": "replica",
  standby: "replica",
};

/** As libpq and the drivers of other languages have it. */
const pattern = /^(postgres(?:ql)?:\/\/)([^@/?#]*@)?([^@/?#]*)([/?#].*)?$/;

/**
 * Splits `postgres://user@host1:5432,host2:5433/db?target_session_attrs=read-write`. Without a word on it a primary is wanted. Throws ConfigError,
 * which does not show the URL: it may hold a password.
 */
export function addressesOf(url: string): Addresses {
  const [, scheme = "", user = "", hosts = "", rest = ""] = pattern.exec(url) ?? [];
  const urls = hosts.split(",").map((host) => `${scheme}${user}${host}${rest}`);
  if (scheme === "" || urls.length > hostsMax || !urls.every((one) => URL.canParse(one)))
    throw new ConfigError(
      "url",
      "(not shown)",
      `an address such as postgres://user@host:5432/database, ${hostsMax} hosts at most`,
    );
  const [first = ""] = urls;
  const word = new URL(first).searchParams.get("target_session_attrs");
  const role = word === null ? "primary" : roles[word];
  if (role === undefined)
    throw new ConfigError("target_session_attrs", word, `one of ${Object.keys(roles).join(", ")}`);
  return { urls: urls.map(withoutRole), role };
}

/** More would be tried one after the other at every connection. */
const hostsMax = 16;

/** It is ours to see to; the server would refuse it as a setting. */
function withoutRole(url: string): string {
  if (!url.includes("target_session_attrs")) return url;
  const parsed = new URL(url);
  parsed.searchParams.delete("target_session_attrs");
  return parsed.href;
}

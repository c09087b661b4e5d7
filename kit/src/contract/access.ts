import { ConfigError, textOf } from "../errors/mod.ts";

/** Who may call: anybody, anybody who is known, or who has one of the roles. */
export type Access = "public" | "known callers" | { readonly roles: readonly string[] };

const rolesMax = 32;

/** The access with its default, checked. */
export function resolveAccess(access: Access = "public"): Access {
  if (access === "public" || access === "known callers") return access;
  if (typeof access !== "object" || access.roles.length === 0 || access.roles.length > rolesMax)
    throw new ConfigError("access", access, `"public", "known callers" or { roles } with 1 to ${rolesMax} roles`);
  return Object.freeze({ roles: access.roles.map((role) => textOf("access.roles", role)) });
}

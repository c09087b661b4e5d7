import { call, contract, failure } from "ashlar/contract";
import { z } from "zod";
import { idSchema, lineSchema } from "./schemas.ts";

/** What a customer pays for; it decides how much they may ask of the shop. */
const planSchema = z.enum(["free", "premium", "enterprise"]);

const accountSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  country: z.string(),
  plan: planSchema,
});

/** Who buys here. */
export const accounts = contract("accounts", {
  owner: "identity",
  responsibilities: ["Knows customers by their e-mail address, one account each"],
  calls: {
    register: call({
      summary: "Makes an account. An address has one, in whatever letter case it is written.",
      input: z.strictObject({
        email: z.email().max(254),
        name: lineSchema(100),
        country: lineSchema(60),
        plan: planSchema.default("free"),
      }),
      output: accountSchema,
      errors: {
        emailTaken: failure({ title: "This address has an account", data: z.object({ email: z.string() }) }),
      },
      semantics: "keyed",
      http: { route: "POST /accounts", status: 201, location: "/accounts/{id}" },
    }),
    get: call({
      summary: "An account.",
      input: z.strictObject({ id: idSchema }),
      output: accountSchema,
      errors: {
        noSuchAccount: failure({ title: "No account has this id", status: 404, data: z.object({ id: z.string() }) }),
      },
      semantics: "safe",
      http: "GET /accounts/{id}",
    }),
  },
});

/** How much a customer may ask of the shop. */
export type Plan = z.infer<typeof planSchema>;

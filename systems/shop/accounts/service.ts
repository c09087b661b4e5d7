import { createHash } from "node:crypto";
import { RefusedError } from "ashlar/engine";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { accounts, type Plan } from "../contracts/mod.ts";

/** The file of the accounts. */
export const accountsFile: EngineToken = engineToken("accounts");

/** As it is kept: a cell under its id, and one that leads there from its address. */
interface Account {
  readonly email: string;
  readonly name: string;
  readonly country: string;
  readonly plan: Plan;
}

const accountSpace = "account";
const emailSpace = "email";

/** Accounts as a service. */
export function accountsService(): Implementation {
  return implement(accounts)({
    engine: accountsFile,
    calls: {
      async register({ input, key = "", commit, fail }) {
        const id = createHash("sha256").update(`account ${key}`).digest("hex").slice(0, 24);
        const account: Account = input;
        const value = JSON.stringify(account);
        const end = await commit({
          output: { id, ...account },
          changes: [
            { op: "put", cell: { space: emailSpace, key: addressOf(input.email) }, expect: "absent", value: id },
            { op: "put", cell: { space: accountSpace, key: id }, expect: "absent", value },
          ],
        });
        if (end.committed) return end.output;
        if (end.refusal.kind !== "cell-conflict") throw new RefusedError(end.refusal);
        throw fail.emailTaken({ email: input.email });
      },
      async get({ input: { id }, engine, fail }) {
        const [cell] = await engine.get([{ space: accountSpace, key: id }]);
        if (cell === undefined) throw fail.noSuchAccount({ id });
        return { id, ...(JSON.parse(cell.value) as Account) };
      },
    },
  });
}

/** Addresses that differ in letter case only reach the same person nearly everywhere. */
function addressOf(email: string): string {
  return email.toLowerCase();
}

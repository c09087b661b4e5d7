import { DBOS } from "@dbos-inc/dbos-sdk";

import { lanes, payload, servers, type Figure } from "../frame.ts";

/** Three-step workflows a second at 64 in flight, started directly in the process, journal on PostgreSQL. */
export async function dbosThroughput(): Promise<Figure> {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: servers.postgres,
    systemDatabasePoolSize: 20,
    logLevel: "error",
    runAdminServer: false,
  });
  const workflow = DBOS.registerWorkflow(
    async (index: number) => {
      const reserved = await DBOS.runStep(async () => index + 1, { name: "reserve" });
      const charged = await DBOS.runStep(async () => reserved * 2, { name: "charge" });
      return DBOS.runStep(async () => ({ ...payload(index), total: charged }), { name: "ship" });
    },
    { name: "order" },
  );
  await DBOS.launch();
  await lanes(50, 16, (index) => workflow(index));
  const value = await lanes(1000, 64, (index) => workflow(index));
  await DBOS.shutdown();
  return { name: "DBOS 5.3, PostgreSQL", durability: "disk", value };
}

import { expect, test } from "vitest";
import { ownCertificate } from "../certificate.test-server.ts";
import { freePort } from "../network.test-server.ts";
import { programs, startBroker } from "./broker.test-broker.ts";
import { openAmqp } from "./mod.ts";

test(
  "TLS: a certificate of one's own is verified when it is given, and refused when nobody vouches for it",
  { timeout: 120_000 },
  async (context) => {
    const sbin = programs();
    if (sbin === undefined) return context.skip("the programs of RabbitMQ are not installed");
    using own = ownCertificate();
    const port = await freePort();
    await using _broker = await startBroker(
      sbin,
      `listeners.ssl.default = 127.0.0.1:${port}`,
      `ssl_options.cacertfile = ${own.file}`,
      `ssl_options.certfile = ${own.file}`,
      `ssl_options.keyfile = ${own.keyFile}`,
    );
    for (const host of ["localhost", "127.0.0.1"]) {
      const url = `amqps://guest:guest@${host}:${port}`;
      await using verified = await openAmqp({ url, tls: { ca: own.text } });
      expect((await verified.health()).status).toBe("up");
      const strangers = openAmqp({ url, connectMaxMs: 1_000 });
      await expect(strangers).rejects.toMatchObject({ reason: "tls", message: expect.stringMatching(/self.signed/) });
    }
  },
);

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate for this machine, in files, that only those trust who have it. Its files are removed at the end. */
export interface OwnCertificate extends Disposable {
  readonly keyFile: string;
  readonly file: string;
  /** What a client needs to trust it. */
  readonly text: string;
}

/** Signed by itself, for `localhost` and 127.0.0.1. */
export function ownCertificate(): OwnCertificate {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-certificate-"));
  const [keyFile, file] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", keyFile, "-out", file, "-days", "2"];
  execFileSync("openssl", [...made, ...subject], { stdio: "ignore" });
  return {
    keyFile,
    file,
    text: readFileSync(file, "utf8"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

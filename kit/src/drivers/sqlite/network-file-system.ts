import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { UnsupportedError } from "../../errors/mod.ts";

// Magic numbers of statfs(2) on Linux. Write-ahead logging needs shared memory between all users of a file, which no
// network file system gives (https://www.sqlite.org/wal.html); two machines would corrupt the file.
const networkTypes: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x73757245, "Coda"],
]);

/** Throws UnsupportedError when `path` lies on a network file system, as far as the platform tells (Linux does). */
export function refuseNetworkFileSystem(path: string): void {
  if (process.platform !== "linux") return;
  const name = networkTypes.get(statfsSync(dirname(path)).type >>> 0);
  if (name !== undefined)
    throw new UnsupportedError(`a file on ${name}`, "the SQLite driver", "put the file on a local disk of the machine");
}

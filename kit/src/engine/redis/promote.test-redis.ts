import { once } from "node:events";
import { connect } from "node:net";

/** Makes a replica a primary, as a fail-over does. */
export async function promote(port: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write("REPLICAOF NO ONE\r\n");
  const answer = String((await once(socket, "data"))[0]);
  socket.destroy();
  if (!answer.startsWith("+OK")) throw new Error(`not promoted: ${answer}`);
}

/**
 * The key of a client by its address: IPv4 as it is, also when written inside IPv6; of IPv6 the first 64 bits, since a client
 * changes the rest at will. What is no address is its own key. Source: RFC 4291, RFC 8981 (temporary addresses).
 */
export function ipKey(address: string): string {
  const [bare = ""] = address.toLowerCase().split("%");
  const mapped = /^(?:0{0,4}:){2,5}:?ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (!/^[0-9a-f:]*:[0-9a-f:.]*$/.test(bare)) return bare;
  const [head = "", tail] = bare.split("::");
  const before = wordsOf(head);
  const after = wordsOf(tail ?? "");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const words = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${words.slice(0, 4).join(":")}::/64`;
}

function wordsOf(part: string): string[] {
  return part === "" ? [] : part.split(":").map((word) => word.replace(/^0+(?=.)/, ""));
}

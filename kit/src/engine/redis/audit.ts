import { ask, type Dataset, listOf } from "./dataset.ts";
import { scripts } from "./scripts.ts";

// Messages that one call looks at: about 5 ms of the server.
const pageMessages = 1_000;
const findingsMax = 20;

/** Contradictions between a queue's keys; empty when sound. What one page names is of one moment, so that others may go on writing. */
export async function auditFaults(dataset: Dataset): Promise<readonly string[]> {
  const findings: string[] = [];
  let from = "-";
  for (;;) {
    const [rows] = await ask(dataset, scripts.scanQueues, [from, "+", "1"]);
    const [row] = listOf(rows);
    if (row === undefined || findings.length >= findingsMax) return findings.slice(0, findingsMax);
    const name = String(listOf(row)[0]);
    findings.push(...(await auditQueue(dataset, name)));
    from = `(${name}`;
  }
}

async function auditQueue(dataset: Dataset, queue: string): Promise<readonly string[]> {
  const [counts] = await ask(dataset, scripts.auditCounts, [queue]);
  const findings = listOf(counts).map((finding) => `queue ${queue} ${String(finding)}`);
  for (let after = "0"; ;) {
    const [found, through] = await ask(dataset, scripts.auditMessages, [queue, after, String(pageMessages)]);
    findings.push(...listOf(found).map((finding) => `queue ${queue}: ${String(finding)}`));
    if (typeof through !== "string" || findings.length >= findingsMax) return findings;
    after = through;
  }
}

// Prints the table of the documentation: node --conditions=ashlar-source scenarios/retry-storm/table.ts [SEED] [PART OF A POLICY'S NAME]
import { world } from "ashlar/simulation";
import { policies } from "./policies.ts";
import { fullSize, storm, type StormResult } from "./storm.ts";

const rates = [500, 700, 800];
const [seedText = "1", part = ""] = process.argv.slice(2);
const seed = Number(seedText);

async function cell(policy: (typeof policies)[number], perSecond: number): Promise<StormResult> {
  const here = world({ seed });
  const { start, result } = storm(here, policy, { ...fullSize, perSecond });
  await here.run(async () => {
    await start();
    await here.clock.sleep(fullSize.lengthMs);
  });
  return result();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const percent = (part: number): string => `${Math.round(part * 100)} %`;
const seconds = ({ recoveryS }: StormResult): string => (recoveryS === undefined ? "never" : `${recoveryS} s`);
const span = (values: readonly string[]): string => [...new Set(values)].join(" – ");

print("| policy | 500 req/s | 700 req/s | 800 req/s | goodput 110–170 s after the stall | amplification |");
print("| --- | --- | --- | --- | --- | --- |");
for (const policy of policies.filter(({ name }) => name.includes(part))) {
  const results: StormResult[] = [];
  for (const perSecond of rates) results.push(await cell(policy, perSecond));
  const goodput = span(results.map((result) => percent(result.goodput)));
  const amplification = span(results.map((result) => result.amplification.toFixed(1)));
  print(`| ${policy.name} | ${results.map(seconds).join(" | ")} | ${goodput} | ${amplification} |`);
}

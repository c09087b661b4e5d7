import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";

import { inFolder, type Figure } from "../frame.ts";

const body = JSON.stringify({ orderId: "order-123456", total: 12.5, note: "x".repeat(160) });

/** One caller, one row a commit, write-ahead log synced at each commit. */
export function rawSingleCommits(count = 4000): Promise<Figure> {
  return inFolder(async (folder) => {
    const { db, insert } = openLog(join(folder, "raw.db"));
    const startedMs = performance.now();
    for (let index = 0; index < count; index += 1) {
      db.exec("begin immediate");
      insert.run(body);
      db.exec("commit");
    }
    const value = count / ((performance.now() - startedMs) / 1000);
    db.close();
    return { name: "node:sqlite, one row a commit, synced", durability: "disk", value };
  });
}

/** 64 rows a commit, synced: what perfect grouping of 64 callers could reach without any bookkeeping. */
export function rawGroupedCommits(count = 128_000): Promise<Figure> {
  return inFolder(async (folder) => {
    const { db, insert } = openLog(join(folder, "raw.db"));
    const startedMs = performance.now();
    for (let index = 0; index < count; index += 64) {
      db.exec("begin immediate");
      for (let row = 0; row < 64; row += 1) insert.run(body);
      db.exec("commit");
    }
    const value = count / ((performance.now() - startedMs) / 1000);
    db.close();
    return { name: "node:sqlite, 64 rows a commit, synced", durability: "disk", value };
  });
}

/** Milliseconds to read 1,000 rows by index and parse their JSON. */
export function rawRead(): Promise<Figure> {
  return inFolder(async (folder) => {
    const { db, insert } = openLog(join(folder, "raw.db"));
    db.exec("begin");
    for (let row = 0; row < 1000; row += 1) insert.run(body);
    db.exec("commit");
    const select = db.prepare("select id, body from log where id > ? order by id limit 1000");
    const times: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const startedMs = performance.now();
      for (const row of select.all(0)) JSON.parse(String(row["body"]));
      times.push(performance.now() - startedMs);
    }
    db.close();
    times.sort((a, b) => a - b);
    return { name: "node:sqlite read + JSON.parse", durability: "disk", value: times[30] ?? Number.NaN };
  });
}

function openLog(path: string) {
  const db = new DatabaseSync(path);
  db.exec(
    "pragma journal_mode=wal; pragma synchronous=full; create table log(id integer primary key, body text not null) strict",
  );
  return { db, insert: db.prepare("insert into log(body) values (?)") };
}

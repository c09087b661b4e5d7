// Draws the pictures of the documentation from what runs have found: `node bench/versus/pictures.ts FILE …`, with files that `--json` wrote.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import type { Figure, Result } from "./frame.ts";
import { replayPath, replays } from "./rows/hit-ratios.ts";
import { keysOfLimiter, takePath } from "./rows/limits.ts";
import { callsInWindow, failingPath } from "./rows/policies.ts";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const folder = resolve(import.meta.dirname, "../../docs/pictures");
const found = new Map<string, Result>();
for (const file of process.argv.slice(2))
  for (const result of JSON.parse(readFileSync(file, "utf8")) as readonly Result[]) found.set(result.path, result);

/** One small chart: a line for each side of its rows, over x. */
interface Panel {
  readonly title: string;
  readonly points: readonly { readonly x: number; readonly path: string }[];
}

interface Picture {
  readonly file: string;
  readonly panels: readonly Panel[];
  readonly columns: number;
  /** Of a panel. */
  readonly width: number;
  readonly unit: string;
  readonly scale: "log" | "value";
  /** What a line is called; sides of the same name are one line. */
  readonly nameOf: (figure: Figure) => string;
}

const colours: Readonly<Record<string, string>> = {
  "knowing the future": "#999999",
  "by hand": "#999999",
  "the failing work alone": "#999999",
};
const ours = ["#0b6e4f", "#6ab187"];
const theirs = ["#c8553d", "#e09f3e", "#5b6c9d"];

const height = 225;
/** Room for the legend and the titles. */
const top = 70;
/** What a panel leaves free below its axis. */
const bottom = 40;

function draw({ file, panels, columns, width, unit, scale, nameOf }: Picture): void {
  const seriesOf = panels.map((panel) => linesOf(panel, nameOf));
  const names = [...new Set(seriesOf.flatMap((lines) => [...lines.keys()]))];
  const rows = Math.ceil(panels.length / columns);
  const left = (index: number): number => (index % columns) * width + 52;
  const above = (index: number): number => Math.floor(index / columns) * height + top;
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: columns * width + 20,
    height: rows * height + top - bottom,
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    legend: { top: 6, data: names, itemGap: 26 },
    title: panels.map(({ title }, index) => ({
      text: `${title}, ${unit}`,
      left: left(index) - 12,
      top: above(index) - 32,
      textStyle: { fontSize: 13, fontWeight: "normal", color: "#333333" },
    })),
    grid: panels.map((_, index) => ({ left: left(index), top: above(index), width: width - 70, height: height - 85 })),
    xAxis: panels.map(({ points }, gridIndex) => ({
      type: "category",
      gridIndex,
      data: points.map(({ x }) => x.toLocaleString("en-US")),
    })),
    yAxis: panels.map((_, gridIndex) => ({ type: scale, gridIndex, axisLabel: { formatter: shortly } })),
    series: seriesOf.flatMap((lines, index) =>
      [...lines].map(([name, data]) => ({
        type: "line",
        name,
        data,
        xAxisIndex: index,
        yAxisIndex: index,
        symbolSize: 5,
        color: colourOf(name, names),
        lineStyle: { width: 2, type: colours[name] === undefined ? "solid" : "dashed" },
      })),
    ),
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), `${chart.renderToSVGString()}\n`);
  chart.dispose();
}

function linesOf({ points }: Panel, nameOf: Picture["nameOf"]): ReadonlyMap<string, readonly number[]> {
  const lines = new Map<string, number[]>();
  for (const { path } of points) {
    const result = found.get(path);
    if (result === undefined) throw new Error(`"${path}" is in none of the files; run it with --json first`);
    const here = new Map<string, number>();
    for (const figure of [...(result.limit === undefined ? [] : [result.limit]), result.ours, ...result.rivals])
      if (!here.has(nameOf(figure))) here.set(nameOf(figure), figure.value);
    for (const [name, value] of here) lines.set(name, [...(lines.get(name) ?? []), value]);
  }
  return lines;
}

const isOurs = (name: string): boolean => name.startsWith("Ashlar");

function colourOf(name: string, names: readonly string[]): string | undefined {
  const known = colours[name];
  if (known !== undefined) return known;
  const peers = names.filter((other) => colours[other] === undefined && isOurs(other) === isOurs(name));
  return (isOurs(name) ? ours : theirs)[peers.indexOf(name)];
}

function shortly(value: number): string {
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1e3 ? `${value / 1e3} k` : String(value);
}

const ratioNames: Readonly<Record<string, string>> = {
  optimum: "knowing the future",
  "S3-FIFO": "Ashlar, S3-FIFO",
  "transitory 2, W-TinyLFU": "transitory 2",
  "lru-cache 11": "lru-cache and others, LRU",
  "bentocache 1.6": "lru-cache and others, LRU",
  "cacheable 2, memory": "lru-cache and others, LRU",
};
const withoutDetail = ({ name }: Figure): string =>
  name === "bare await" ? "the failing work alone" : (name.split(",")[0] ?? name);

draw({
  file: "cache-hit-ratios.svg",
  columns: 3,
  width: 270,
  unit: "% hits",
  scale: "value",
  nameOf: ({ name }) => ratioNames[name] ?? name,
  panels: replays.map(({ trace, sizes }) => ({
    title: `${trace}, by entries`,
    points: sizes.map((x) => ({ x, path: replayPath(trace, x) })),
  })),
});
draw({
  file: "breaker-window.svg",
  columns: 1,
  width: 560,
  unit: "ns",
  scale: "log",
  nameOf: withoutDetail,
  panels: [
    {
      title: "a failing call, by calls in the window",
      points: callsInWindow.map((x) => ({ x, path: failingPath(x) })),
    },
  ],
});
draw({
  file: "limiter-keys.svg",
  columns: 1,
  width: 560,
  unit: "ns",
  scale: "log",
  nameOf: withoutDetail,
  panels: [{ title: "one take, by live keys", points: keysOfLimiter.map((x) => ({ x, path: takePath(x) })) }],
});

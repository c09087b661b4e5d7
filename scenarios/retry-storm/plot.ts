import type { Second } from "./storm.ts";

/** One line of the picture. */
export interface Series {
  readonly name: string;
  readonly seconds: readonly Second[];
}

const width = 320;
const height = 90;
const columns = 3;
const gap = 34;

/** Goodput over time, one small picture for each policy, as SVG. The stall is shaded. */
export function plot(series: readonly Series[], stallS: readonly [number, number]): string {
  const rows = Math.ceil(series.length / columns);
  const size = [columns * (width + gap) + gap, rows * (height + gap) + gap];
  const panels = series.map((one, at) => {
    const left = gap + (at % columns) * (width + gap);
    const top = gap + Math.floor(at / columns) * (height + gap);
    return `<g transform="translate(${left} ${top})">${panel(one, stallS)}</g>`;
  });
  const style = `text{font:11px sans-serif;fill:#333}path{fill:none;stroke:#1f6feb;stroke-width:1.2}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(" ")}" role="img">`,
    `<title>Part of the calls of each second that are answered, before and after a stall of ten seconds</title>`,
    `<style>${style}</style><rect width="100%" height="100%" fill="#fff"/>`,
    ...panels,
    `</svg>\n`,
  ].join("\n");
}

function panel({ name, seconds }: Series, [fromS, toS]: readonly [number, number]): string {
  const x = (second: number): string => ((second / seconds.length) * width).toFixed(1);
  const y = (part: number): string => ((1 - part) * height).toFixed(1);
  const points = seconds.map(({ calls, answered }, second) => `${x(second)} ${y(answered / Math.max(1, calls))}`);
  const shade = `<rect x="${x(fromS)}" width="${x(toS - fromS)}" height="${height}" fill="#f6c7c3"/>`;
  const frame = `<rect width="${width}" height="${height}" fill="none" stroke="#bbb"/>`;
  const ends = `<text x="-4" y="8" text-anchor="end">1</text><text x="-4" y="${height}" text-anchor="end">0</text>`;
  return `<text y="-6">${name}</text>${shade}${frame}${ends}<path d="M${points.join("L")}"/>`;
}

/** The comparison as a picture: requests per second of each subject over those of Express→gRPC, call by call, as SVG. */
import type { HttpRow } from './http-bench.ts';

const floor = 'Express→gRPC';
const concurrency = 64;
const barHeight = 18;
const gap = 6;
const labelWidth = 190;
const plotWidth = 520;
const headHeight = 34;

export function plotOf(rows: readonly HttpRow[]): string {
  const calls = ['create session', 'get session'] as const;
  const blocks = calls.map((call) => {
    const ofCall = rows.filter((row) => row.call === call && row.concurrency === concurrency);
    const unit = ofCall.find(({ subject }) => subject === floor)?.requestsPerSecond ?? NaN;
    return { call, bars: ofCall.map(({ subject, requestsPerSecond }) => ({ subject, ratio: requestsPerSecond / unit })).toSorted((a, b) => b.ratio - a.ratio) };
  });
  const widest = Math.max(...blocks.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)));
  let y = 0;
  const parts = blocks.map(({ call, bars }) => {
    const top = y;
    y += headHeight + bars.length * (barHeight + gap) + gap;
    return [
      `<text x="0" y="${top + 20}" font-weight="bold">${call}, ${concurrency} connections: requests per second ÷ those of ${floor}</text>`,
      ...bars.map(({ subject, ratio }, index) => {
        const at = top + headHeight + index * (barHeight + gap);
        const width = Math.max(1, plotWidth * ratio / widest);
        const colour = subject.startsWith('kiosk') ? '#1b6ac9' : '#b8bec8';
        return `<text x="${labelWidth - 8}" y="${at + 13}" text-anchor="end">${subject}</text>`
          + `<rect x="${labelWidth}" y="${at}" width="${width.toFixed(1)}" height="${barHeight}" fill="${colour}"/>`
          + `<text x="${(labelWidth + width + 6).toFixed(1)}" y="${at + 13}">${ratio.toFixed(2)}</text>`;
      }),
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${labelWidth + plotWidth + 60}" height="${y}" font-family="sans-serif" font-size="12" fill="#1d2733">\n`
    + `<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}
